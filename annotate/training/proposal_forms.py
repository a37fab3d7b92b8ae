"""The form with which an admin lets the active version propose groups."""

from __future__ import annotations

from django import forms

from annotate.training.proposals import MOST_GROUPS

PERCENT = 20


class ProposalForm(forms.Form):
    groups = forms.IntegerField(
        min_value=1, max_value=MOST_GROUPS, initial=20,
        help_text="At most; fewer where no more anchors are free.",
    )  # fmt: skip
    percent = forms.IntegerField(
        min_value=0, max_value=100, initial=PERCENT, label="Random share in %",
        help_text="Drawn as the campaign’s first ones were. Without them there is no fair measure.",
    )  # fmt: skip
    seed = forms.IntegerField(
        initial=0, min_value=0, max_value=2**31, help_text="The same seed, at the same state, gives the same."
    )

    @property
    def asked(self) -> dict[str, float]:
        """What the services are asked, of a valid form."""
        given = self.cleaned_data
        return {
            "groups": given["groups"],
            "random_share": given["percent"] / 100,
            "seed": given["seed"],
        }
