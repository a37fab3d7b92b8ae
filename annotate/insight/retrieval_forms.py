"""What is asked of a retrieval: which faces may be answers, how many, by which version, and what beside it.

The same for pages and API. Only what is named here can be asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from annotate.faces.models import Dataset, Face, Split, Status
from annotate.insight.retrieval import MOST, UNLABELLED, Wanted
from annotate.training.models import ModelVersion
from annotate.training.versions import active_version

PICTURES = "pictures"
"""What stands for the plain pictures in place of a version."""
COUNTS = (10, 20, 50, 100)
VERSIONS_SHOWN = 200
MOST_EXPRESSIONS = 300


class RetrievalForm(forms.Form):
    """`face`: the query, if it is one of a data set. Without data: the active version's ten nearest."""

    version = forms.ChoiceField(required=False, label="By")
    beside = forms.ChoiceField(required=False, label="Beside it")
    n = forms.TypedChoiceField(
        choices=[(count, str(count)) for count in COUNTS], coerce=int, empty_value=COUNTS[0], required=False,
        label="How many",
    )  # fmt: skip
    dataset = forms.ChoiceField(required=False, label="Data set")
    expression = forms.ChoiceField(required=False)
    split = forms.ChoiceField(choices=[("", "any"), *Split.choices], required=False)
    status = forms.ChoiceField(choices=[("", "any"), *Status.choices], required=False)
    other_identities = forms.BooleanField(required=False, label="Other people only")

    def __init__(self, data: Any, face: Face | None = None) -> None:
        super().__init__(data or None, label_suffix="")
        self.is_bound = True
        self.data = data
        self.active = active_version()
        found = ModelVersion.objects.select_related("run__snapshot__dataset").defer("run__events")
        self.versions = {str(version.pk): version for version in found.order_by("-pk")[:VERSIONS_SHOWN]}
        by = [(pk, self._label(version)) for pk, version in self.versions.items()]
        pictures = (PICTURES, "plain pictures")
        self.fields["version"].choices = [("", "active version"), *by, pictures]
        self.fields["beside"].choices = [("", "nothing"), *by, pictures]
        sets = [(name, name) for name in Dataset.objects.order_by("name").values_list("name", flat=True)]
        self.fields["dataset"].choices = [("", "any"), *sets]
        self.fields["expression"].choices = [
            ("", "any"), (UNLABELLED, "not labelled"), *((name, name) for name in self._expressions(data)),
        ]  # fmt: skip
        if face is None or not face.identity:
            # Whose picture it is nobody knows, so nobody can be left out.
            del self.fields["other_identities"]

    def _label(self, version: ModelVersion) -> str:
        of = version.run.snapshot.dataset.name
        return f"version {version.pk}, of {of}" + (", active" if version == self.active else "")

    def _expressions(self, data: Any) -> Sequence[str]:
        faces = Face.objects.exclude(expression="")
        if asked := data.get("dataset", ""):
            faces = faces.filter(dataset__name=asked)
        names = faces.order_by("expression").values_list("expression", flat=True).distinct()
        known = list(names[:MOST_EXPRESSIONS])
        # One that is no longer there finds nothing, which says more than an error.
        asked = data.get("expression", "")
        return known if asked in ("", UNLABELLED, *known) else [*known, asked]

    def is_chosen(self) -> bool:
        """Whether anything was asked for but the query."""
        return any(self.data.get(name) for name in self.fields)

    def wanted(self) -> Wanted:
        names = Wanted.__dataclass_fields__
        return Wanted(**{name: self.cleaned_data[name] for name in names if name in self.cleaned_data})

    def count(self) -> int:
        return min(self.cleaned_data["n"] or COUNTS[0], MOST)

    def sources(self) -> list[ModelVersion | None]:
        """By what it is asked, one or two: a version, or None for the plain pictures."""
        chosen = [self.cleaned_data["version"], self.cleaned_data["beside"]]
        versions = [None if pk == PICTURES else self.versions[pk] for pk in chosen if pk]
        if not chosen[0] and self.active is not None:
            versions.insert(0, self.active)
        return versions
