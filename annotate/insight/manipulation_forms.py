"""What is asked for on the pages of manipulation: among which faces to choose, and which are chosen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.http import QueryDict

from annotate.faces.models import Dataset, Face, Split
from annotate.insight.manipulation_choices import Wanted

LARGEST_ID = 2**63 - 1


class FaceFilter(forms.Form):
    """Among which faces to choose."""

    dataset = forms.ModelChoiceField(
        Dataset.objects.order_by("name"), to_field_name="name", empty_label=None, label="Data set"
    )
    split = forms.ChoiceField(
        choices=[("", "all"), (Split.VAL, "held out"), (Split.TRAIN, "of training")],
        required=False,
        label="Faces",
    )
    identity = forms.CharField(max_length=200, required=False, label="Person")
    expression = forms.CharField(max_length=100, required=False, label="Expression")
    name = forms.CharField(max_length=400, required=False, label="Name begins with")
    after = forms.IntegerField(min_value=0, max_value=LARGEST_ID, required=False, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict, dataset: Dataset) -> None:
        """`dataset` is the one whose faces are shown at first."""
        given = data.copy()
        given.setdefault("dataset", dataset.name)
        super().__init__(given, label_suffix="")

    def wanted(self) -> Wanted:
        """Of a valid form."""
        return Wanted(**self.cleaned_data)


def chosen(numbers: Iterable[str], most: int) -> list[Face]:
    """The faces of these numbers that are there, in their order, each once; at most so many."""
    keys = [int(one) for one in dict.fromkeys(numbers) if one.isdecimal() and int(one) <= LARGEST_ID]
    found: dict[int, Any] = Face.objects.in_bulk(keys[:most])
    return [found[key] for key in keys[:most] if key in found]
