"""Forms of the studies' pages."""

from __future__ import annotations

from typing import Any

from django import forms

from annotate.accounts.models import Role, User
from annotate.faces.models import Dataset, Face, Split
from annotate.insight.models import Study
from annotate.insight.models.studies import MOST_RESULTS
from annotate.insight.studies import MOST_CONTENDERS, Plan
from annotate.insight.study_choosing import (
    MOST_QUERIES,
    CannotMakeStudy,
    check_embedded,
    draw_queries,
    named_queries,
)
from annotate.training.models import ModelVersion

ALL_PAIRS = "all"


class VersionsField(forms.ModelMultipleChoiceField):
    """Model versions, told apart by what made them."""

    widget = forms.CheckboxSelectMultiple

    def label_from_instance(self, version: ModelVersion) -> str:
        return f"Version {version.pk}, of run {version.run_id} on “{version.run.snapshot.name}”"


class ListsForm(forms.Form):
    """What decides which lists a study shows."""

    dataset = forms.ModelChoiceField(
        Dataset.objects.order_by("name"), label="Data set", empty_label=None,
        help_text="Queries are faces of it, and what is found for them too. Faces set aside are neither.",
    )  # fmt: skip
    versions = VersionsField(
        ModelVersion.objects.select_related("run__snapshot").order_by("-pk"), label="Model versions",
        help_text=f"Two to {MOST_CONTENDERS}; each has to have embedded the whole data set.",
    )  # fmt: skip
    split = forms.ChoiceField(
        choices=[("", "the whole data set"), *((split, f"the {split} split") for split in Split.values)],
        required=False, label="Draw queries from",
        help_text="The val split is of people on whom no version trained.",
    )  # fmt: skip
    count = forms.IntegerField(
        min_value=1, max_value=MOST_QUERIES, initial=25, label="Queries",
        help_text="25 in the paper; of different people as far as there are.",
    )  # fmt: skip
    seed = forms.IntegerField(initial=0, help_text="The same seed draws the same study again.")
    named = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}), required=False, label="Or these queries",
        help_text="Names of faces, one a line, in place of drawn ones.",
    )  # fmt: skip
    top_n = forms.IntegerField(min_value=1, max_value=MOST_RESULTS, initial=5, label="Faces in a list")
    others_only = forms.BooleanField(
        required=False, initial=True, label="Other people only",
        help_text="Leaves out the query’s own person, where the data set says who it is.",
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if {"dataset", "versions", "count", "seed"} <= given.keys():
            try:
                check_embedded(given["dataset"], given["versions"])
                given["queries"] = self._queries(given)
            except CannotMakeStudy as error:
                raise forms.ValidationError(str(error)) from error
            if len(given["versions"]) > MOST_CONTENDERS:
                self.add_error("versions", f"Choose {MOST_CONTENDERS} at most.")
        return given

    def _queries(self, given: dict[str, Any]) -> list[Face]:
        names = [line.strip() for line in given.get("named", "").splitlines() if line.strip()]
        if names:
            return named_queries(given["dataset"], names)
        split, count, seed = given.get("split", ""), given["count"], given["seed"]
        return draw_queries(given["dataset"], split=split, count=count, seed=seed)


class ParticipantsForm(forms.Form):
    """Who takes part."""

    for_everybody = forms.TypedChoiceField(
        choices=[("yes", "every annotator"), ("no", "those chosen below")], initial="yes",
        coerce=lambda value: value == "yes", widget=forms.RadioSelect, label="Who takes part",
    )  # fmt: skip
    participants = forms.ModelMultipleChoiceField(
        User.objects.filter(role=Role.ANNOTATOR, is_active=True).order_by("username"), required=False,
        widget=forms.CheckboxSelectMultiple, label="Annotators",
        help_text="Curators and admins take no part, since they may see who found what.",
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if given.get("for_everybody") is False and not given.get("participants"):
            self.add_error("participants", "Choose at least one annotator.")
        return given

    @property
    def chosen(self) -> list[User] | None:
        """None where everybody takes part."""
        given = self.cleaned_data
        return None if given["for_everybody"] else list(given["participants"])


class StudyForm(ParticipantsForm, ListsForm):
    """A new study."""

    name = forms.CharField(
        max_length=100, help_text="Participants read it: it must not tell what is compared."
    )
    pairs = forms.ChoiceField(
        choices=[(ALL_PAIRS, "all pairs of versions"), ("1", "one pair"), ("2", "two pairs"), ("3", "three")],
        initial=ALL_PAIRS, required=False, label="Each query asks about",
        help_text="Fewer than all are dealt out in turn, so that each pair comes about as often.",
    )  # fmt: skip
    instructions = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}), required=False, help_text="Markdown; read before the first."
    )

    def clean_name(self) -> str:
        name = self.cleaned_data["name"]
        if Study.objects.filter(name=name).exists():
            raise forms.ValidationError("There is a study of this name already.")
        return name

    def plan(self) -> Plan:
        given = self.cleaned_data
        pairs = given["pairs"] or ALL_PAIRS
        return Plan(
            name=given["name"], dataset=given["dataset"], versions=list(given["versions"]),
            queries=given["queries"], top_n=given["top_n"], others_only=given["others_only"],
            pairs_per_query=None if pairs == ALL_PAIRS else int(pairs), seed=given["seed"],
            instructions=given["instructions"], participants=self.chosen,
        )  # fmt: skip
