"""What the forms of new runs share: what to train on, what is wrong beside which field, what was chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from django import forms

from annotate.campaigns.models import Campaign
from annotate.faces.models import Dataset
from annotate.training import reports
from annotate.training.models import ModelVersion, Snapshot
from annotate.training.run_config import BadSetting
from annotate.training.run_kinds import Config
from annotate.training.versions import active_version

KINDS = {"snapshot": Snapshot, "campaign": Campaign, "dataset": Dataset}


class LaunchForm(forms.Form):
    """A run's source, and its settings; those beyond FRONT are folded."""

    FRONT: ClassVar[tuple[str, ...]] = ("source",)
    # Where the form asks for what a refusal names.
    ASKED_AS: ClassVar[Mapping[str, str]] = {"snapshot": "source"}

    source = forms.ChoiceField(label="Train on", help_text="A snapshot, or one that is frozen for it now.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["source"].choices = sources()
        self.parent: ModelVersion | None = None

    def clean(self) -> dict[str, Any]:
        """Adds `of` (the Snapshot, or what is to be frozen) and `config`."""
        cleaned = super().clean() or {}
        kind, _, key = cleaned.get("source", "").partition(":")
        cleaned["of"] = found(KINDS[kind], key) if kind in KINDS else None
        if not self.errors:
            try:
                cleaned["config"] = self.config(cleaned)
            except BadSetting as error:
                self.refuse(error)
        return cleaned

    def config(self, cleaned: Mapping[str, Any]) -> Config:
        """The settings. Raises BadSetting."""
        raise NotImplementedError

    def refuse(self, error: BadSetting) -> None:
        """Say beside the field why there can be no such run."""
        field = self.ASKED_AS.get(error.field, error.field)
        reason = error.reason[:1].upper() + error.reason[1:]
        self.add_error(field if field in self.fields else None, reason)

    def problems(self) -> list[tuple[str, str]]:
        """What is wrong, with the field's name as the page has it."""
        named = {name: str(field.label) for name, field in self.fields.items()}
        return [(named.get(name, ""), " ".join(reasons)) for name, reasons in self.errors.items()]

    def unfold(self) -> bool:
        """Whether a folded field has an error to show."""
        return any(name not in (*self.FRONT, "__all__") for name in self.errors)

    def chosen(self) -> list[tuple[str, str]]:
        """What is chosen in front, and whatever else is not the default, for somebody to confirm."""
        names = [n for n in self.fields if n in self.FRONT or self.cleaned_data[n] != self.fields[n].initial]
        return [(str(self[name].label), self._shown(name)) for name in names]

    def _shown(self, name: str) -> str:
        field, value = self.fields[name], self.cleaned_data[name]
        if isinstance(field, forms.ChoiceField):
            return str(dict(_flat(field.choices))[value])
        return reports.setting(name, self.cleaned_data)


def number_field(
    config: type[Config], name: str, limits: tuple[float, float], *, fraction: bool, required: bool,
    label: str, help_text: str = "",
) -> forms.Field:  # fmt: skip
    """A setting's field, with the setting's own limits and default; empty where it has none."""
    kind = forms.FloatField if fraction else forms.IntegerField
    low, high = limits
    return kind(
        min_value=low, max_value=high, initial=getattr(config(), name), required=required, label=label,
        help_text=help_text,
    )  # fmt: skip


def found(kind: type, key: str) -> Any:
    """The row of this number, if there is one."""
    return kind.objects.filter(pk=key).first() if key.isdecimal() else None


def _flat(choices: Any) -> Iterator[tuple[str, str]]:
    for value, label in choices:
        if isinstance(label, (list, tuple)):
            yield from label
        else:
            yield value, label


def sources() -> list[tuple[str, list[tuple[str, str]]]]:
    """What can be trained on: snapshots, and what one can be frozen of."""
    return [
        ("Snapshots", [(f"snapshot:{s.pk}", _named(s)) for s in Snapshot.objects.order_by("-created_at")]),
        (
            "Freeze one now, of a campaign with its data set",
            [(f"campaign:{c.pk}", f"Freeze {c.name} now") for c in Campaign.objects.order_by("-created_at")],
        ),
        (
            "Freeze one now, of a data set alone",
            [(f"dataset:{d.pk}", f"Freeze {d.name} now") for d in Dataset.objects.order_by("name")],
        ),
    ]


def _named(snapshot: Snapshot) -> str:
    counts, day = snapshot.counts, f"{snapshot.created_at:%Y-%m-%d}"
    return f"{snapshot.name}, {counts.get('triplets', 0):,} triplets, {day} ({snapshot.sha256[:8]})"


def version_choices() -> list[tuple[str, str]]:
    """The model versions, newest first; the active one says so."""
    active = active_version()
    versions = ModelVersion.objects.select_related("run").defer("run__events").order_by("-pk")
    return [
        (
            f"version:{v.pk}",
            f"Version {v.pk}{' (active)' if v == active else ''}: {v.run.config['backbone']}, "
            f"{v.created_at:%Y-%m-%d}",
        )
        for v in versions
    ]
