"""The form of an import: what (photographs, or triplets with their pictures) and from where (sent, or a
folder of the server). Each of the four is a form of its own: none has a field that it does not need."""

from __future__ import annotations

import zipfile
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files import File

from annotate.faces.import_files import server_folders, server_tables
from annotate.faces.models import Dataset, ImportKind, Split
from annotate.faces.models.faces import dataset_name

LONGEST_DATASET = 100


def is_archive(file: File) -> None:
    """Whether it ends as a zip archive does; the worker looks further."""
    if not zipfile.is_zipfile(file):
        raise ValidationError(
            f"{file.name} is no zip archive, or it was cut off on its way. Send a whole one."
        )
    file.seek(0)


class _File(forms.FileField):
    """One that keeps what was chosen while the rest of the form is corrected (with scripts)."""

    def __init__(self, *args: Any, accept: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.widget.attrs |= {"accept": accept, "hx-preserve": "true"}


class ImportForm(forms.Form):
    dataset = forms.CharField(
        max_length=LONGEST_DATASET, validators=[dataset_name], label="Data set",
        help_text="A new name, or one that is there: what it has already stays as it is.",
        widget=forms.TextInput(attrs={"list": "datasets", "autocomplete": "off"}),
    )  # fmt: skip
    split = forms.ChoiceField(choices=Split.choices, initial=Split.TRAIN)

    def __init__(self, *args: Any, kind: str, is_upload: bool, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self.kind, self.is_upload = kind, is_upload
        self.datasets = Dataset.objects.order_by("name").values_list("name", flat=True)
        if is_upload:
            self._add_files()
        else:
            self._add_choices()
        if kind == ImportKind.FACES:
            self.fields["split"].help_text = "For pictures of which labels.csv names none."
            self.fields["is_prealigned"] = forms.BooleanField(
                required=False, label="The pictures are aligned crops already: only resize them",
            )  # fmt: skip
        else:
            self.fields["split"].help_text = "Of all of the file's faces and triplets."

    def _add_files(self) -> None:
        is_fec = self.kind == ImportKind.TRIPLETS
        if is_fec:
            self.fields["triplets"] = _File(
                accept=".csv,text/csv", label="FEC file",
                help_text="The CSV file in the layout of Google's facial expression comparison data.",
            )  # fmt: skip
        self.fields["archive"] = _File(
            accept=".zip,application/zip", label="Pictures as a zip archive", validators=[is_archive],
            help_text="Each named as its URL ends." if is_fec else
            "One face each; folders are part of the names.",
        )  # fmt: skip
        self.fields["labels"] = _File(
            accept=".csv,text/csv", required=False, label="labels.csv",
            help_text="Columns image, identity, expression." if is_fec else
            "Columns image, identity, expression, split. Not needed where it is in the archive.",
        )  # fmt: skip

    def _add_choices(self) -> None:
        folders = [(path, path) for path in server_folders()]
        tables = [(path, path) for path in server_tables()]
        if self.kind == ImportKind.TRIPLETS:
            self.fields["triplets"] = forms.ChoiceField(choices=tables, label="FEC file")
        self.fields["folder"] = forms.ChoiceField(choices=folders, label="Folder of pictures")
        self.fields["labels"] = forms.ChoiceField(
            choices=[("", "labels.csv of the folder, if it has one"), *tables], required=False, label="Labels"
        )
