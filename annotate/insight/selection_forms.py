"""The form of a campaign that is drawn from a selection: whose faces are the anchors is given already."""

from __future__ import annotations

from django import forms

from annotate.campaigns.forms import CampaignForm


class SelectionCampaignForm(CampaignForm):
    # The selection says which.
    dataset = None

    def __init__(self, *args: object, count: int, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["groups"] = forms.IntegerField(
            min_value=1, max_value=count, initial=count,
            help_text="At most: one for each face of the selection.",
        )  # fmt: skip
        self.fields[
            "draw_from"
        ].help_text = "Anchors are the selected faces. This says which faces are positives of theirs."
