"""What is asked for a map, for a selection, and which two maps stand beside each other."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet

from annotate.faces.models import Dataset
from annotate.insight.models import ExpressionMap, MapMethod
from annotate.insight.selections import MOST_SELECTED
from annotate.training.models import ModelVersion


class MapForm(forms.Form):
    version = forms.ModelChoiceField(
        ModelVersion.objects.order_by("-pk"), label="Model version", empty_label=None,
        help_text="Whose embedding is laid out. What it has not embedded yet is embedded first.",
    )  # fmt: skip
    datasets = forms.ModelMultipleChoiceField(
        Dataset.objects.order_by("name"), label="Data sets", widget=forms.CheckboxSelectMultiple
    )
    method = forms.ChoiceField(
        choices=MapMethod.choices, initial=MapMethod.TSNE,
        help_text="t-SNE shows groups of near faces; UMAP also keeps something of how far groups are apart.",
    )  # fmt: skip
    perplexity = forms.FloatField(
        min_value=2, max_value=500, initial=30,
        help_text="Of t-SNE: how many neighbours count. Small shows small groups.",
    )  # fmt: skip
    neighbours = forms.IntegerField(
        min_value=2, max_value=500, initial=15, help_text="Of UMAP, the same."
    )  # fmt: skip
    seed = forms.IntegerField(
        min_value=0, max_value=2**31 - 1, initial=0, help_text="The same seed gives the same map again."
    )

    def settings(self) -> dict[str, Any]:
        """What ask_for_map takes beside the version, the data sets and who asks."""
        return {name: self.cleaned_data[name] for name in ("method", "perplexity", "neighbours", "seed")}


class BesideForm(forms.Form):
    """Another map, of another version or method, to stand beside this one."""

    beside = forms.ModelChoiceField(
        ExpressionMap.objects.none(), required=False, label="Beside it", empty_label="no other map"
    )

    def __init__(self, data: Any, others: QuerySet[ExpressionMap]) -> None:
        super().__init__(data, label_suffix="")
        self.fields["beside"].queryset = others
        self.fields["beside"].label_from_instance = lambda one: (
            f"Map {one.pk}: version {one.model_version_id}, {one.get_method_display()}, {one.setting}"
        )


class SelectionForm(forms.Form):
    """Faces marked on a map: their ids with commas between them, as the page's script sends them."""

    name = forms.CharField(max_length=100, required=False)
    map = forms.ModelChoiceField(ExpressionMap.objects.all(), required=False)
    # Ids have at most 19 digits.
    faces = forms.CharField(max_length=20 * (MOST_SELECTED + 1), widget=forms.HiddenInput)

    def clean_faces(self) -> list[int]:
        parts = self.cleaned_data["faces"].split(",")
        if not all(part.isascii() and part.isdecimal() and len(part) < 19 for part in parts):
            raise forms.ValidationError("That is no list of faces.")
        return [int(part) for part in parts]
