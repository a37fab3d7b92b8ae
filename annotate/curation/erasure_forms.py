"""What must be said to erase somebody: whom, why, and the name once more."""

from __future__ import annotations

from django import forms

from annotate.curation.erasure_preview import Preview
from annotate.faces.models import Dataset


class PersonForm(forms.Form):
    """Whom to look up; nothing happens yet."""

    dataset = forms.ModelChoiceField(Dataset.objects.order_by("name"), to_field_name="name", label="Data set")
    identity = forms.CharField(max_length=200, label="Person", help_text="Her identity, as labelled")


class ConfirmForm(forms.Form):
    reason = forms.CharField(
        max_length=500, label="Why",
        help_text="This is kept. Do not name the person: a request’s number or date will do.",
    )  # fmt: skip
    typed = forms.CharField(max_length=220, label="Confirm", widget=forms.TextInput({"autocomplete": "off"}))
    faces = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, data: object, preview: Preview) -> None:
        super().__init__(data, initial={"faces": len(preview.faces)}, label_suffix="")
        self.preview = preview
        self.fields["typed"].label = f"Type {preview.to_type} to confirm"

    def clean_typed(self) -> str:
        if self.cleaned_data["typed"].strip() != self.preview.to_type:
            raise forms.ValidationError(f"Type it exactly: {self.preview.to_type}")
        return self.cleaned_data["typed"]

    def clean(self) -> dict[str, object]:
        if self.cleaned_data.get("faces") != len(self.preview.faces):
            raise forms.ValidationError(
                "Faces have been added or removed since you looked. What would go is counted anew above."
            )
        return self.cleaned_data
