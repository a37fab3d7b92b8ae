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
from annotate.training.run_config import FRACTIONS, LIMITS, BadSetting, RunConfig

DEFAULTS = RunConfig()


def _number(name: str, *, label: str, help_text: str = "") -> forms.Field:
    """A setting's field, with the setting's own limits and default; empty where it has none."""
    default = getattr(DEFAULTS, name)
    kind = forms.FloatField if name in FRACTIONS else forms.IntegerField
    low, high = LIMITS[name]
    return kind(
        min_value=low, max_value=high, initial=default, required=default is not None,
        label=label, help_text=help_text,
    )  # fmt: skip


def _switch(name: str, label: str, help_text: str) -> forms.Field:
    initial = getattr(DEFAULTS, name)
    return forms.BooleanField(required=False, initial=initial, label=label, help_text=help_text)


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
    """The settings of a new run; those beyond FRONT are folded."""

    FRONT = ("snapshot", "backbone", "crowd", "epochs", "steps", "seed")

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
    epochs = _number("epochs", label="Epochs", help_text="Empty: enough for 2,000 steps, at least 10.")
    steps = _number("steps", label="or steps", help_text="As many epochs as so many steps take.")
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

    def clean(self) -> dict[str, Any]:
        """Puts what RunConfig refuses beside its field."""
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                RunConfig.from_json(self.config())
            except BadSetting as error:
                self.add_error(error.field, error.reason.capitalize())
        return cleaned

    def front(self) -> Iterator[BoundField]:
        return (field for field in self if field.name in self.FRONT)

    def advanced(self) -> Iterator[BoundField]:
        return (field for field in self if field.name not in self.FRONT)

    def unfold(self) -> bool:
        """Whether a folded field has an error to show."""
        return any(name not in self.FRONT for name in self.errors)

    def config(self) -> dict[str, Any]:
        """What RunConfig takes, of a valid form."""
        return {field.name: self.cleaned_data[field.name] for field in fields(RunConfig)}
