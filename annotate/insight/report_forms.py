"""The form with which a report is asked for, and the choice of the report that one is read beside."""

from __future__ import annotations

import re

from django import forms

from annotate.faces.models import Dataset
from annotate.insight.models import Extent, Measured, Report
from annotate.insight.reports import NEIGHBOURS, CannotReport, check_can_report, fair_extent
from annotate.training.models import ModelVersion

MOST_NEIGHBOURS, MOST_KS = 1_000, 8
FAIR = ""


class ReportForm(forms.Form):
    version = forms.ModelChoiceField(
        ModelVersion.objects.order_by("-pk"), label="Model version", empty_label=None
    )
    dataset = forms.ModelChoiceField(
        Dataset.objects.order_by("name"), label="Data set", empty_label=None,
        help_text="Its faces should have expression labels and, to see whether the person is left out, names "
        "of people.",
    )  # fmt: skip
    extent = forms.ChoiceField(
        choices=[(FAIR, "what is fair"), *Extent.choices], required=False, label="Which faces",
        help_text="Fair: the held-out ones of a data set that the version was trained on, all faces of "
        "another. Faces that are set aside never count.",
    )  # fmt: skip
    measured = forms.ChoiceField(
        choices=Measured.choices, required=False, label="What is measured",
        help_text="The identity branch tells what the embedding owes to training: it is what the network "
        "starts from. A worker looks at all pictures for it; an erasure goes first.",
    )  # fmt: skip
    retrain = forms.BooleanField(
        required=False, label="Retrain with a classification head, too",
        help_text="The whole network learns the labels of the data set’s train faces, or of most people, "
        "and is measured on the others. A worker’s CPU does it; erasures go first, and begin it anew.",
    )  # fmt: skip
    neighbours = forms.CharField(
        initial=", ".join(map(str, NEIGHBOURS)), max_length=100, label="Neighbours",
        help_text="Of recognition by nearest neighbours: one or several numbers. The paper has 200.",
    )  # fmt: skip

    def __init__(self, data: object = None, initial: dict[str, object] | None = None) -> None:
        super().__init__(data, initial=initial, label_suffix="")
        self.fields["version"].label_from_instance = lambda version: str(version).capitalize()

    def clean_neighbours(self) -> list[int]:
        given = [part for part in re.split(r"[,;\s]+", self.cleaned_data["neighbours"]) if part]
        numbers = {int(part) for part in given if part.isdecimal() and len(part) < 9}
        if not given or len(numbers) < len(set(given)) or not all(1 <= n <= MOST_NEIGHBOURS for n in numbers):
            raise forms.ValidationError(
                f"Give whole numbers from 1 to {MOST_NEIGHBOURS:,}, with commas between them."
            )
        if len(numbers) > MOST_KS:
            raise forms.ValidationError(f"Give at most {MOST_KS} numbers.")
        return sorted(numbers)

    def clean_measured(self) -> str:
        return self.cleaned_data["measured"] or Measured.EMBEDDING

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or {}
        version, dataset = cleaned.get("version"), cleaned.get("dataset")
        if version and dataset:
            cleaned["extent"] = cleaned.get("extent") or fair_extent(version, dataset)
            try:
                looks = bool(cleaned.get("measured") == Measured.IDENTITY or cleaned.get("retrain"))
                check_can_report(dataset, str(cleaned["extent"]), takes_pictures=looks)
            except CannotReport as error:
                self.add_error("dataset", str(error))
        if cleaned.get("retrain") and cleaned.get("measured") == Measured.IDENTITY:
            self.add_error("retrain", "It is the whole network that is retrained: measure its embedding.")
        return cleaned


class AgainstForm(forms.Form):
    """Which of the comparable reports stands beside."""

    against = forms.ModelChoiceField(
        Report.objects.none(), required=False, empty_label="nothing", label="Beside it"
    )

    def __init__(self, data: object, reports: object, initial: Report | None) -> None:
        super().__init__(data, label_suffix="", initial={"against": initial})
        self.fields["against"].queryset = reports
        self.fields["against"].label_from_instance = _label


def _label(report: Report) -> str:
    return f"{report.subject}, {report.ended_at:%-d %b %Y, %H:%M}"
