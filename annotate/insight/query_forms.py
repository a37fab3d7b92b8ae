"""The form by which a picture is sent to be looked at."""

from __future__ import annotations

from typing import Any

from django import forms

from annotate.insight.queries import MOST_BYTES

ACCEPTED = "image/jpeg,image/png,image/webp,image/bmp,image/tiff"


class QueryForm(forms.Form):
    picture = forms.FileField(
        label="A photograph",
        help_text=f"JPEG, PNG, WebP, BMP or TIFF, at most {MOST_BYTES >> 20} MB and 40 megapixels.",
        widget=forms.FileInput(attrs={"accept": ACCEPTED}),
    )
    is_prealigned = forms.BooleanField(
        required=False, label="It is an aligned crop already: look for no face in it"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
