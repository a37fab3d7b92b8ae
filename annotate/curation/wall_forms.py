"""Which faces the wall shows, and from where on. Only what is named here can be asked for."""

from __future__ import annotations

from typing import Any

from django import forms

from annotate.curation.wall import MOST_SUGGESTED, UNLABELLED, Order, Place, Wanted, labels
from annotate.faces.models import Dataset, Split, Status
from annotate.insight.models import FaceSelection

LARGEST_ID = 2**63 - 1
MOST_TRIPLETS = 2**31 - 1
SIDES = ("after", "before", "from")


class WallFilter(forms.Form):
    name = forms.CharField(max_length=400, required=False, label="Name begins with")
    identity = forms.CharField(max_length=200, required=False, label="Person")
    expression = forms.ChoiceField(required=False)
    split = forms.ChoiceField(choices=[("", "any"), *Split.choices], required=False)
    status = forms.ChoiceField(choices=[("", "any"), *Status.choices], required=False)
    least = forms.IntegerField(
        min_value=0, max_value=MOST_TRIPLETS, required=False, label="Triplets, at least"
    )
    most = forms.IntegerField(min_value=0, max_value=MOST_TRIPLETS, required=False, label="Triplets, at most")
    order = forms.ChoiceField(choices=Order.choices, required=False, label="Order")

    def __init__(self, data: Any, dataset: Dataset) -> None:
        super().__init__(data, label_suffix="")
        known = labels(dataset, "expression")
        asked = data.get("expression", "")
        # One that is no longer there finds nothing, which says more than an error.
        beside = [asked] if asked and asked not in (*known, UNLABELLED) else []
        self.fields["expression"].choices = [
            ("", "any"), (UNLABELLED, "not labelled"), *((name, name) for name in (*known, *beside)),
        ]  # fmt: skip
        # A list of thousands would suggest nothing.
        people = labels(dataset, "identity", most=MOST_SUGGESTED + 1)
        self.identities = people if len(people) <= MOST_SUGGESTED else []
        self.fields["identity"].widget.attrs |= {"list": "identities", "autocomplete": "off"}
        self.fields["selection"] = forms.IntegerField(
            min_value=0, max_value=LARGEST_ID, required=False, widget=forms.HiddenInput
        )
        for side in SIDES:
            self.fields[side] = forms.IntegerField(
                min_value=0, max_value=LARGEST_ID, required=False, widget=forms.HiddenInput
            )

    def clean_selection(self) -> int | None:
        asked = self.cleaned_data["selection"]
        self.chosen = FaceSelection.objects.filter(pk=asked).first() if asked is not None else None
        if asked is not None and self.chosen is None:
            raise forms.ValidationError("That selection is forgotten. Show all, or mark others on a map.")
        return asked

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        least, most = cleaned.get("least"), cleaned.get("most")
        if least is not None and most is not None and least > most:
            self.add_error("most", "This is less than the number on its left.")
        return cleaned

    def wanted(self) -> Wanted:
        values = {name: self.cleaned_data[name] for name in Wanted.__dataclass_fields__}
        # A prefix is a range of names: in any other order all faces would have to be looked at.
        order = Order.NAME if values["name"] else values["order"] or Order.IMPORT
        return Wanted(**values | {"order": order})

    def place(self) -> Place | None:
        """Where the page begins, if not at the first face."""
        given = [(side, self.cleaned_data[side]) for side in SIDES if self.cleaned_data[side] is not None]
        return Place(given[0][1], given[0][0]) if given else None

    def is_filtered(self) -> bool:
        """Whether it leaves out any face."""
        wanted = (self.cleaned_data[name] for name in Wanted.__dataclass_fields__ if name != "order")
        return any(value not in ("", None) for value in wanted)
