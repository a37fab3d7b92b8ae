"""The form of a new run of face manipulation: whom it learns from, whose embedding guides it, how long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, ClassVar

from django import forms
from django.forms.boundfield import BoundField

from annotate.training.launch_forms import LaunchForm, found, number_field, version_choices
from annotate.training.manipulation_config import FRACTIONS, LIMITS, ManipulationConfig
from annotate.training.models import ModelVersion, Run
from annotate.training.versions import active_version


def _number(name: str, *, label: str, help_text: str = "") -> forms.Field:
    return number_field(
        ManipulationConfig, name, LIMITS[name], fraction=name in FRACTIONS, required=True, label=label,
        help_text=help_text,
    )  # fmt: skip


class ManipulationForm(LaunchForm):
    """The settings of a new run of manipulation; those beyond FRONT are folded."""

    FRONT = ("source", "embedding", "size", "steps", "seed")
    ASKED_AS: ClassVar = {"parent": "embedding", "snapshot": "source"}

    embedding = forms.ChoiceField(
        label="Guided by",
        help_text="The model version whose embedding says which expression is wanted. It is not changed.",
    )
    size = _number("size", label="Side of the pictures in px", help_text="More than 96 wants a GPU.")
    steps = _number("steps", label="Steps", help_text="Faces get sharper with more.")
    seed = _number("seed", label="Seed", help_text="The same seed gives the same start and the same batches.")
    faces_per_step = _number("faces_per_step", label="Faces a step", help_text="Fewer need less memory.")
    rate = _number("rate", label="Learning rate")
    hold_out = _number(
        "hold_out", label="Share of people held out",
        help_text="Only where the snapshot has no held-out faces of its own.",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["embedding"].choices = version_choices()
        active = active_version()
        if active is not None:
            self.fields["embedding"].initial = f"version:{active.pk}"
        chosen = str(self["embedding"].value() or "")
        self.parent = found(ModelVersion, chosen.partition(":")[2])

    def config(self, cleaned: Mapping[str, Any]) -> ManipulationConfig:
        known = {field.name for field in fields(ManipulationConfig)}
        return ManipulationConfig.from_json({n: v for n, v in cleaned.items() if n in known})

    def numbers(self) -> Iterator[BoundField]:
        return (field for field in self if field.name not in self.FRONT)


MANIPULATION_LABELS = {
    name: str(field.label)
    for name, field in ManipulationForm.base_fields.items()
    if name not in ("source", "embedding")
}


def manipulation_again(run: Run) -> dict[str, object]:
    """The form's initial values for another run like this one."""
    source = f"snapshot:{run.snapshot_id}" if run.snapshot_id else ""
    known = ManipulationConfig.from_json(run.config).as_json()
    return known | {"source": source, "embedding": f"version:{run.parent_id}"}
