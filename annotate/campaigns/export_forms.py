"""The form of the export page; its fields are the parameters of the download and of the API too."""

from __future__ import annotations

from django import forms
from django.http import QueryDict

from annotate.campaigns.export_choice import SOURCES, SPLITS, STRENGTHS, Choice

SOURCE_NAMES = {
    "direct": "direct: what a comparison says",
    "inferred": "inferred: what follows from several comparisons",
    "imported": "imported: what came with the data set",
}
STRENGTH_NAMES = {
    "strong": "strong: at least two thirds of the raters agree",
    "weak": "weak: at least half of them agree",
}
SPLIT_NAMES = {"": "both", "train": "only train", "val": "only val (held out)"}
FORMAT_NAMES = {
    "csv": "CSV: a header and one row a triplet",
    "fec": "FEC: the layout of Google’s files, with every answer",
    "parquet": "Parquet: the columns of the CSV file with types, packed",
}


FROM_ANSWERS = ["direct", "inferred"]


def _several(names: dict[str, str], **options: object) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        choices=list(names.items()), widget=forms.CheckboxSelectMultiple, **options
    )


class ExportForm(forms.Form):
    sources = _several(
        SOURCE_NAMES,
        initial=FROM_ANSWERS,
        label="Which triplets",
        error_messages={"required": "Choose at least one kind of triplets."},
    )
    strengths = _several(STRENGTH_NAMES, initial=STRENGTHS, label="Of the imported ones", required=False)
    min_confidence = forms.FloatField(
        required=False, min_value=0.51, max_value=0.99, label="Minimum confidence",
        widget=forms.NumberInput(attrs={"step": "0.01", "placeholder": "none"}),
        help_text="Of direct and inferred ones, 0.51 to 0.99. With it all repetitions are weighed together: "
        "each pair stands once, and nothing contradicts anything. Empty: each bracket as it was answered.",
    )  # fmt: skip
    split = forms.ChoiceField(choices=list(SPLIT_NAMES.items()), required=False, label="Split")
    format = forms.ChoiceField(
        choices=list(FORMAT_NAMES.items()), widget=forms.RadioSelect, initial="csv", label="Format"
    )

    @classmethod
    def of_query(cls, query: QueryDict) -> ExportForm:
        """What is not given is as the page has it at first."""
        given = query.copy()
        for name, default in (("sources", FROM_ANSWERS), ("format", ["csv"])):
            if name not in given:
                given.setlist(name, default)
        if "strengths" not in given:
            given.setlist("strengths", STRENGTHS)
        return cls(given)

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or {}
        if "imported" in cleaned.get("sources", ()) and not cleaned.get("strengths"):
            self.add_error("strengths", "Choose strong or weak ones, or leave the imported triplets out.")
        return cleaned

    def choice(self) -> Choice:
        """Of a valid form."""
        given = self.cleaned_data
        return Choice(
            sources=tuple(source for source in SOURCES if source in given["sources"]),
            strengths=tuple(given["strengths"]) or STRENGTHS,
            splits=(given["split"],) if given["split"] else SPLITS,
            min_confidence=given["min_confidence"],
        )
