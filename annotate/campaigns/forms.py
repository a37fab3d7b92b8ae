"""Forms of the campaign pages."""

from __future__ import annotations

from dataclasses import replace

from django import forms

from annotate.campaigns.answers import Only
from annotate.campaigns.contradictions import Kind
from annotate.campaigns.creation import DrawFrom
from annotate.campaigns.models import Assignment, Campaign, GroupState
from annotate.faces.models import Dataset
from annotate.tournament.planner import AS_EXPECTED, Plan, plan

MOST_GROUPS = 100_000
# Of practised annotators: what a comparison takes, and how often they can not tell.
SECONDS_AN_ANSWER = 3.0
UNCERTAIN = 0.03


class SettingsForm(forms.Form):
    """What can still be changed of a campaign that is under way."""

    name = forms.CharField(max_length=100)
    gold_rate = forms.FloatField(
        min_value=0, max_value=0.5, initial=0.05, label="Share of gold",
        help_text="Of what an annotator is asked, 0 to 0.5; of no effect without gold comparisons.",
    )  # fmt: skip
    pause_after_minutes = forms.IntegerField(
        min_value=0, max_value=240, initial=25, label="Suggest a rest after minutes",
        help_text="Of answering in one go; 0 suggests none.",
    )  # fmt: skip
    extra_comparisons = forms.IntegerField(
        min_value=0, max_value=500, initial=0, label="Extra comparisons",
        help_text="At most so many a group after its brackets, where they inform most. The paper has none.",
    )  # fmt: skip
    extra_confidence = forms.FloatField(
        min_value=0.5, max_value=0.999, initial=0.9, label="Confidence to reach",
        help_text="A group is asked no more extra comparisons once its triplets are so sure.",
    )  # fmt: skip

    def __init__(self, *args: object, campaign: Campaign | None = None, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.others = Campaign.objects.exclude(pk=campaign and campaign.pk)

    def clean_name(self) -> str:
        name = self.cleaned_data["name"]
        if self.others.filter(name=name).exists():
            raise forms.ValidationError("There is a campaign of this name already.")
        return name


class DrawForm(forms.Form):
    """What decides which groups are drawn."""

    dataset = forms.ModelChoiceField(
        Dataset.objects.order_by("name"), label="Data set", empty_label=None,
        help_text="Faces that are set aside are in no group.",
    )  # fmt: skip
    draw_from = forms.ChoiceField(
        choices=DrawFrom.choices, required=False, label="Draw groups from",
        help_text="What says which faces are positives of an anchor.",
    )  # fmt: skip
    groups = forms.IntegerField(
        min_value=1, max_value=MOST_GROUPS, initial=50,
        help_text="At most; fewer where the data set has no more.",
    )  # fmt: skip
    k = forms.TypedChoiceField(
        choices=[(k, k) for k in (4, 8, 16, 32)], coerce=int, initial=16, label="Candidates in a group",
        help_text="16, as in the paper, is 15 comparisons a bracket. Smaller sets need a smaller number.",
    )  # fmt: skip
    seed = forms.IntegerField(initial=0, help_text="The same seed draws the same groups again.")


class CampaignForm(SettingsForm, DrawForm):
    repetitions = forms.IntegerField(
        min_value=1, max_value=10, initial=3, help_text="How many brackets each group gets."
    )
    assignment = forms.ChoiceField(
        choices=Assignment.choices, initial=Assignment.SPREAD,
        help_text="Spread, each group hears more people; whole, an anchor stays in one person’s mind.",
    )  # fmt: skip
    max_uncertain = forms.IntegerField(
        min_value=1, max_value=20, initial=3, label="Uncertain answers that make a tie",
        help_text="After so many different people could not tell, a coin lets one go on.",
    )  # fmt: skip
    gold = forms.IntegerField(
        min_value=0, max_value=10_000, initial=0, label="Gold comparisons",
        help_text="Taken from the strongest imported triplets, to see how careful each annotator is.",
    )  # fmt: skip


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


class AnswerFilter(forms.Form):
    """Which answers of an annotator are shown, and behind which of them."""

    only = forms.ChoiceField(choices=Only.choices, required=False)
    before = forms.UUIDField(required=False)


class DisagreementFilter(forms.Form):
    """Which pairs the page of disagreements shows, and behind which group."""

    kind = forms.ChoiceField(choices=Kind.choices, required=False)
    after = forms.IntegerField(min_value=0, required=False)
