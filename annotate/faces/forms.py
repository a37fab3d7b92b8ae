"""Which faces the wall shows. Only what is named here can be asked for."""

from __future__ import annotations

from django import forms
from django.db.models import QuerySet

from annotate.faces.models import Split


class FaceFilter(forms.Form):
    split = forms.ChoiceField(choices=[("", "any"), *Split.choices], required=False)
    expression = forms.ChoiceField(required=False)
    identity = forms.CharField(max_length=200, required=False, label="Person")
    after = forms.IntegerField(min_value=0, max_value=2**63 - 1, required=False, widget=forms.HiddenInput)

    def __init__(self, data: object, faces: QuerySet) -> None:
        super().__init__(data, label_suffix="")
        expressions = faces.exclude(expression="").order_by("expression").values_list("expression", flat=True)
        self.fields["expression"].choices = [("", "any"), *((name, name) for name in expressions.distinct())]

    def wanted(self) -> dict[str, str]:
        """The labels to look for, as FaceQuerySet.like takes them."""
        return {name: self.cleaned_data[name] for name in ("split", "expression", "identity")}
