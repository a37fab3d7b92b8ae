"""Forms of the snapshot and run pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from django import forms
from django.forms.boundfield import BoundField

from annotate.campaigns.models import Campaign
from annotate.faces.models import Dataset
from annotate.training.models import Snapshot
from annotate.training.run_config import LIMITS, RunConfig

DEFAULTS = RunConfig()


def _number(name: str, *, label: str, help_text: str = "") -> forms.Field:
    """A setting's field, with the setting's own limits and default; empty where it has none."""
    default = getattr(DEFAULTS, name)
    kind = forms.FloatField if name in ("rate", "hold_out") else forms.IntegerField
    low, high = LIMITS[name]
    return kind(
        min_value=low, max_value=high, initial=default, required=default is not None,
        label=label, help_text=help_text,
    )  # fmt: skip


class FreezeForm(forms.Form):
    """What to freeze: a campaign with its data set, or a data set alone."""

    source = forms.ChoiceField(label="Campaign or data set")
    name = forms.CharField(
        max_length=100, required=False, help_text="Empty: the campaign's or the data set's own name."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["source"].choices = [
            (
                "Campaigns: their triplets, and those that came with the data set",
                [(f"campaign:{c.pk}", c.name) for c in Campaign.objects.order_by("-created_at")],
            ),
            (
                "Data sets: only the triplets that came with them",
                [(f"dataset:{d.pk}", d.name) for d in Dataset.objects.order_by("name")],
            ),
        ]

    def clean(self) -> dict[str, Any]:
        """Adds `dataset` and `campaign`."""
        cleaned = super().clean() or {}
        kind, _, key = cleaned.get("source", "").partition(":")
        campaign = dataset = None
        if kind == "campaign":
            campaign = Campaign.objects.select_related("dataset").get(pk=key)
            dataset = campaign.dataset
        elif kind == "dataset":
            dataset = Dataset.objects.get(pk=key)
        cleaned["name"] = cleaned.get("name") or str(campaign or dataset)
        return cleaned | {"campaign": campaign, "dataset": dataset}


class SnapshotChoice(forms.ModelChoiceField):
    def label_from_instance(self, snapshot: Snapshot) -> str:
        counts, day = snapshot.counts, f"{snapshot.created_at:%Y-%m-%d}"
        return f"{snapshot.name}, {counts.get('triplets', 0):,} triplets, {day} ({snapshot.sha256[:8]})"


class RunForm(forms.Form):
    """The settings of a new run; those in ADVANCED are folded."""

    ADVANCED = (
        "rate", "faces_per_step", "triplets_per_step", "tournament_two_terms", "normalize_vectors",
        "identity_vectors", "hold_out",
    )  # fmt: skip

    snapshot = SnapshotChoice(
        Snapshot.objects.order_by("-created_at"), empty_label=None, help_text="What it is trained on."
    )
    backbone = forms.ChoiceField(
        choices=[
            ("small", "small: 64 px, fit for a CPU"),
            ("facenet", "facenet: 160 px, pretrained on VGGFace2; wants a GPU"),
        ],
        initial=DEFAULTS.backbone,
        help_text="Both of its branches start from it.",
    )
    order = _number("order", label="Order", help_text="K of the high-order module; the paper takes 3.")
    epochs = _number("epochs", label="Epochs", help_text="Empty: enough for 2,000 steps, at least 10.")
    crowd = forms.BooleanField(
        required=False, initial=DEFAULTS.crowd, label="Crowd layer",
        help_text="A linear map for each annotator while training; embeddings are what comes before it.",
    )  # fmt: skip
    seed = _number("seed", label="Seed", help_text="The same seed gives the same start and the same batches.")
    rate = _number("rate", label="Learning rate", help_text="Empty: 0.001.")
    faces_per_step = _number(
        "faces_per_step", label="Faces a step", help_text="Empty: 640. Fewer need less memory."
    )
    triplets_per_step = _number(
        "triplets_per_step", label="Triplets a step", help_text="Empty: 2,560, drawn among those faces."
    )
    tournament_two_terms = forms.BooleanField(
        required=False, initial=DEFAULTS.tournament_two_terms,
        label="Both terms of the loss for tournament triplets",
        help_text="As in the paper. Without: only that the anchor is nearer the positive.",
    )  # fmt: skip
    normalize_vectors = forms.BooleanField(
        required=False, initial=DEFAULTS.normalize_vectors, label="Deviation of normalised vectors",
        help_text="Both branches' vectors are brought to length 1 before they are subtracted.",
    )  # fmt: skip
    identity_vectors = forms.ChoiceField(
        choices=[
            ("clean", "of the clean picture, once"),
            ("augmented", "of the very picture that the face branch sees"),
        ],
        initial=DEFAULTS.identity_vectors,
        label="Identity branch",
    )
    hold_out = _number(
        "hold_out", label="Share of identities held out",
        help_text="Only where the snapshot has no held-out faces of its own.",
    )  # fmt: skip

    def front(self) -> Iterator[BoundField]:
        return (field for field in self if field.name not in self.ADVANCED)

    def advanced(self) -> Iterator[BoundField]:
        return (field for field in self if field.name in self.ADVANCED)

    def unfold(self) -> bool:
        """Whether a folded field has an error to show."""
        return any(name in self.errors for name in self.ADVANCED)

    def config(self) -> dict[str, Any]:
        """What RunConfig takes, of a valid form."""
        return {field.name: self.cleaned_data[field.name] for field in fields(RunConfig)}
