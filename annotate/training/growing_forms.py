"""The form of a campaign's fine-tuning."""

from __future__ import annotations

from typing import Any

from django import forms

from annotate.training.models import FineTuning

MOST_TRIPLETS = 100_000_000
DEFAULTS = FineTuning()


class FineTuningForm(forms.Form):
    """What `growing.set_up` takes; the margin in points, as people say it."""

    is_on = forms.BooleanField(required=False, initial=True, label="Fine-tune by itself")
    every_triplets = forms.IntegerField(
        min_value=1, max_value=MOST_TRIPLETS, required=False, initial=2_000,
        label="After so many new triplets", help_text="Empty: not by their number.",
    )  # fmt: skip
    nightly_at = forms.TypedChoiceField(
        choices=[("", "not by night"), *((hour, f"at {hour:02}:00") for hour in range(24))],
        coerce=int, empty_value=None, required=False, label="Every night",
        help_text="Where anything new has come in.",
    )  # fmt: skip
    margin_points = forms.FloatField(
        min_value=0, max_value=100, initial=100 * DEFAULTS.margin, label="Margin, in points of accuracy",
        help_text="By so much must the new version be better to be promoted; else it is kept beside.",
    )  # fmt: skip
    replay = forms.FloatField(
        min_value=0, max_value=0.95, initial=DEFAULTS.replay, label="Replay",
        help_text="Share of each step’s triplets that the version knows already, so that it does not forget.",
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors and cleaned.get("every_triplets") is None and cleaned.get("nightly_at") is None:
            self.add_error("every_triplets", "Give a number of triplets, an hour of the night, or both.")
        return cleaned

    def values(self) -> dict[str, Any]:
        """Of a valid form, as the table names them."""
        values = {**self.cleaned_data}
        # 0.1 points are 0.001, not a bit more: it is compared with differences of counts.
        values["margin"] = round(values.pop("margin_points") / 100, 9)
        return values


def initial_of(fine_tuning: FineTuning | None) -> dict[str, Any]:
    """What the form shows before it is changed."""
    if fine_tuning is None:
        return {}
    names = ("is_on", "every_triplets", "nightly_at", "replay")
    margin = round(100 * fine_tuning.margin, 7)
    return {name: getattr(fine_tuning, name) for name in names} | {"margin_points": margin}
