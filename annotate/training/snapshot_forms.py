"""The form of the snapshots' page."""

from __future__ import annotations

from typing import Any

from django import forms

from annotate.campaigns.models import Campaign
from annotate.faces.models import Dataset


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
