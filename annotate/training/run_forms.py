"""The form of a new run: what to train on, what to start from, the settings; what matters in front."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, ClassVar

from django import forms
from django.forms.boundfield import BoundField

from annotate.training import reports
from annotate.training.launch_forms import LaunchForm, found, number_field, version_choices
from annotate.training.models import ModelVersion, Run
from annotate.training.planning import network_of
from annotate.training.run_config import FRACTIONS, LIMITS, NETWORK, BadSetting, RunConfig

DEFAULTS = RunConfig()
# Of the other numbers an empty field means something; that of the network's is not there with a parent.
REQUIRED = {"seed", "rate", "faces_per_step", "triplets_per_step", "crowd_pull", "hold_out"}


def _number(name: str, *, label: str, help_text: str = "") -> forms.Field:
    return number_field(
        RunConfig, name, LIMITS[name], fraction=name in FRACTIONS, required=name in REQUIRED, label=label,
        help_text=help_text,
    )  # fmt: skip


def _switch(name: str, label: str, help_text: str) -> forms.Field:
    initial = getattr(DEFAULTS, name)
    return forms.BooleanField(required=False, initial=initial, label=label, help_text=help_text)


class RunForm(LaunchForm):
    """The settings of a new run; those beyond FRONT are folded, those of a parent's network are not asked."""

    FRONT = ("source", "start", "crowd", "epochs", "steps", "seed")
    ASKED_AS: ClassVar = {"parent": "start", "backbone": "start", "snapshot": "source"}

    start = forms.ChoiceField(
        label="Start from", initial=DEFAULTS.backbone,
        help_text="From scratch both branches start from a backbone; a model version is fine-tuned.",
    )  # fmt: skip
    epochs = _number("epochs", label="Epochs", help_text="Empty: enough for 2,000 steps, at least 10.")
    steps = _number("steps", label="Steps", help_text="Or so many steps, in whole epochs.")
    crowd = _switch(
        "crowd", "Crowd layer",
        "A linear map for each annotator while training; embeddings are what comes before it.",
    )  # fmt: skip
    seed = _number("seed", label="Seed", help_text="The same seed gives the same start and the same batches.")
    size = _number("size", label="Side of the pictures in px", help_text="Empty: the backbone’s own.")
    order = _number("order", label="Order", help_text="K of the high-order module; the paper takes 3.")
    normalize_vectors = _switch(
        "normalize_vectors", "Deviation of normalised vectors",
        "Both branches’ vectors are brought to length 1 before they are subtracted.",
    )  # fmt: skip
    rate = _number("rate", label="Learning rate", help_text="Its highest; it falls along a cosine.")
    faces_per_step = _number("faces_per_step", label="Faces a step", help_text="Fewer need less memory.")
    triplets_per_step = _number(
        "triplets_per_step", label="Triplets a step", help_text="At most, drawn among those faces."
    )
    imported_share = _number(
        "imported_share", label="Share of imported triplets", help_text="Of each step. Empty: as they are."
    )
    replay = _number(
        "replay", label="Share of replayed triplets",
        help_text="Of each step, when a version is fine-tuned: those that it was trained on already.",
    )  # fmt: skip
    patience = _number(
        "patience", label="Patience in epochs",
        help_text="It stops after so many that bettered nothing, and keeps the best. Empty: never.",
    )  # fmt: skip
    crowd_centred = _switch(
        "crowd_centred", "Crowd maps are the identity on average",
        "Without, as in the paper: they may learn what all annotators share instead of the embedding.",
    )  # fmt: skip
    crowd_pull = _number(
        "crowd_pull", label="Pull of the crowd maps to the identity", help_text="0: none, as in the paper."
    )
    tournament_two_terms = _switch(
        "tournament_two_terms", "Both terms of the loss for tournament triplets",
        "As in the paper. Without: only that the anchor is nearer the positive.",
    )  # fmt: skip
    identity_vectors = forms.ChoiceField(
        choices=[
            ("clean", "of the clean picture, once"),
            ("augmented", "of the very picture that the face branch sees"),
        ],
        initial=DEFAULTS.identity_vectors,
        label="Identity branch",
        help_text="What its vectors are of.",
    )
    precision = forms.ChoiceField(
        choices=[
            ("auto", "bf16 where the hardware is made for it"),
            ("float32", "float32"),
            ("bf16", "bf16"),
        ],
        initial=DEFAULTS.precision,
        label="Precision",
    )
    hold_out = _number(
        "hold_out", label="Share of identities held out",
        help_text="Only where the snapshot has no held-out faces of its own.",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["start"].choices = _starts()
        chosen = self.data.get("start") if self.is_bound else self.initial.get("start")
        kind, _, key = str(chosen or "").partition(":")
        self.parent = found(ModelVersion, key) if kind == "version" else None
        if self.parent is not None:
            for name in NETWORK:
                self.fields.pop(name, None)

    def config(self, cleaned: Mapping[str, Any]) -> RunConfig:
        """The settings, with the parent's network if it has one. Raises BadSetting."""
        known = {field.name for field in fields(RunConfig)}
        values = {name: value for name, value in cleaned.items() if name in known}
        if values.get("order") is None:
            values.pop("order", None)
        network = network_of(self.parent) if self.parent else {"backbone": cleaned["start"]}
        return RunConfig.from_json(values | network)

    def network(self) -> Iterator[BoundField]:
        return (field for field in self if field.name in NETWORK)

    def parents_network(self) -> list[tuple[str, str]]:
        """The settings that come with the parent; none where it can not be read, which is said elsewhere."""
        try:
            network = network_of(self.parent) if self.parent else {}
        except BadSetting:
            network = {}
        return [(label, reports.in_words(network[n])) for n, label in SETTING_LABELS.items() if n in network]

    def numbers(self) -> Iterator[BoundField]:
        return (field for field in self._folded() if field.widget_type == "number")

    def others(self) -> Iterator[BoundField]:
        return (field for field in self._folded() if field.widget_type != "number")

    def _folded(self) -> Iterator[BoundField]:
        return (field for field in self if field.name not in (*self.FRONT, *NETWORK))


SETTING_LABELS = {"backbone": "Backbone"} | {
    name: str(field.label) for name, field in RunForm.base_fields.items() if name not in ("source", "start")
}


def again(run: Run) -> dict[str, object]:
    """The form's initial values for another run like this one."""
    source = f"snapshot:{run.snapshot_id}" if run.snapshot_id else ""
    start = f"version:{run.parent_id}" if run.parent_id else run.config.get("backbone")
    known = RunConfig.from_json(run.config).as_json()
    return known | {"source": source, "start": start}


def _starts() -> list[tuple[str, list[tuple[str, str]]]]:
    scratch = [
        ("small", "From scratch, small: 64 px, fit for a CPU"),
        ("facenet", "From scratch, facenet: 160 px, pretrained on VGGFace2; wants a GPU"),
    ]
    return [("From scratch", scratch), ("From a model version", version_choices())]
