"""Forms of the campaign pages."""

from __future__ import annotations

from dataclasses import replace

from django import forms

from annotate.campaigns.models import Assignment, Campaign, GroupState
from annotate.faces.models import Dataset
from annotate.tournament.planner import AS_EXPECTED, Plan, plan

MOST_GROUPS = 100_000
# Of practised annotators: what a comparison takes, and how often they can not tell.
SECONDS_AN_ANSWER = 3.0
UNCERTAIN = 0.03


class CampaignForm(forms.Form):
    name = forms.CharField(max_length=100)
    dataset = forms.ModelChoiceField(
        Dataset.objects.order_by("name"), label="Data set", empty_label=None,
        help_text="Groups are drawn from its strong imported triplets or, without those, from its labels.",
    )  # fmt: skip
    groups = forms.IntegerField(
        min_value=1,
        max_value=MOST_GROUPS,
        initial=50,
        help_text="At most; fewer where the data set has no more.",
    )
    k = forms.TypedChoiceField(
        choices=[(k, k) for k in (4, 8, 16, 32)], coerce=int, initial=16, label="Candidates in a group",
        help_text="16, as in the paper, is 15 comparisons a bracket. Smaller sets need a smaller number.",
    )  # fmt: skip
    repetitions = forms.IntegerField(
        min_value=1, max_value=10, initial=3, help_text="How many brackets each group gets."
    )
    assignment = forms.ChoiceField(
        choices=Assignment.choices, initial=Assignment.SPREAD,
        help_text="Spread, each group hears more people; whole, an anchor stays in one person’s mind.",
    )  # fmt: skip
    gold = forms.IntegerField(
        min_value=0, max_value=10_000, initial=0, label="Gold comparisons",
        help_text="Taken from the strongest imported triplets, to see how careful each annotator is.",
    )  # fmt: skip
    gold_rate = forms.FloatField(
        min_value=0, max_value=0.5, initial=0.05, label="Share of gold",
        help_text="Of what an annotator is asked, 0 to 0.5; of no effect without gold comparisons.",
    )  # fmt: skip
    extra_comparisons = forms.IntegerField(
        min_value=0, max_value=500, initial=0, label="Extra comparisons",
        help_text="At most so many a group after its brackets, where they inform most. The paper has none.",
    )  # fmt: skip
    extra_confidence = forms.FloatField(
        min_value=0.5, max_value=0.999, initial=0.9, label="Confidence to reach",
        help_text="A group is asked no more extra comparisons once its triplets are so sure.",
    )  # fmt: skip
    seed = forms.IntegerField(initial=0, help_text="The same seed draws the same groups again.")

    def clean_name(self) -> str:
        name = self.cleaned_data["name"]
        if Campaign.objects.filter(name=name).exists():
            raise forms.ValidationError("There is a campaign of this name already.")
        return name


class PlanForm(forms.Form):
    """The settings of a campaign that decide its cost, and how its annotators probably answer."""

    groups = forms.IntegerField(min_value=1, max_value=MOST_GROUPS)
    k = forms.TypedChoiceField(choices=[(k, k) for k in (4, 8, 16, 32)], coerce=int)
    repetitions = forms.IntegerField(min_value=1, max_value=10)
    extra_comparisons = forms.IntegerField(min_value=0, max_value=500, required=False)

    def plan(self) -> Plan:
        """What to expect of SECONDS_AN_ANSWER and UNCERTAIN."""
        given = self.cleaned_data
        return plan(
            given["groups"], given["k"], given["repetitions"], SECONDS_AN_ANSWER,
            manner=replace(AS_EXPECTED, uncertain=UNCERTAIN), extra=given["extra_comparisons"] or 0,
        )  # fmt: skip


class GroupFilter(forms.Form):
    """Which groups the list shows, or the one to go to."""

    number = forms.IntegerField(min_value=1, required=False, label="Go to group")
    state = forms.ChoiceField(choices=[("", "all groups"), *GroupState.choices], required=False)
    after = forms.IntegerField(min_value=0, required=False, widget=forms.HiddenInput)
