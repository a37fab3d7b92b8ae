"""Forms with which an admin makes another model version the active one."""

from __future__ import annotations

from django import forms

from annotate.training.models import ModelVersion


class ActivateForm(forms.Form):
    """Why, and that what speaks against it was read. `active` is what the admin saw as the active version."""

    reason = forms.CharField(
        max_length=500, label="Why", help_text="It is kept in the history, with your name and the date."
    )
    is_sure = forms.BooleanField(label="I have read this and do it all the same")
    active = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: object, active: ModelVersion | None, doubts: list[str]) -> None:
        super().__init__(data, label_suffix="")
        self._active = active.pk if active else None
        self.fields["active"].initial = self._active
        if not doubts:
            del self.fields["is_sure"]

    def clean(self) -> dict[str, object]:
        if self.cleaned_data.get("active") != self._active:
            raise forms.ValidationError(
                "Another version has become the active one since you opened this page. Look at it first."
            )
        return self.cleaned_data
