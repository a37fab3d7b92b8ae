"""Forms of the page on which curators prepare an annotator's first minutes."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms

from annotate.accounts.models import User
from annotate.campaigns.instructions import refusals
from annotate.campaigns.models import Campaign, Purpose

# As much as stands below the pictures on a phone.
LONGEST_WHY = 200
MOST_AT_ONCE = 100
COUNTS = {"practice_count": Purpose.PRACTICE, "qualification_count": Purpose.QUALIFICATION}


class FirstMinutesForm(forms.ModelForm):
    """The instructions, and how much of practice and qualification there is."""

    class Meta:
        model = Campaign
        fields = [
            "instructions", "practice_count", "qualification_count", "qualification_threshold",
            "qualification_attempts",
        ]  # fmt: skip
        labels: ClassVar = {
            "practice_count": "Comparisons to practise",
            "qualification_count": "Comparisons to qualify",
            "qualification_threshold": "Right ones needed",
            "qualification_attempts": "Attempts",
        }
        help_texts: ClassVar = {
            "instructions": "Markdown. A face is a picture: ![a smile](face:KEY); its number will do too. "
            "A key with spaces stands in angle brackets: (<face:a key>).",
            "practice_count": "With feedback after each; 0 for none.",
            "qualification_count": "0: everybody may compare. Otherwise only who has qualified may.",
            "qualification_threshold": "Of those; can’t tell is not right.",
            "qualification_attempts": "Before a curator has to help.",
        }
        widgets: ClassVar = {"instructions": forms.Textarea(attrs={"rows": 18, "spellcheck": "true"})}

    def clean_instructions(self) -> str:
        text = self.cleaned_data["instructions"]
        problems = refusals(text)
        if problems:
            raise forms.ValidationError(problems)
        return text

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        for name, purpose in COUNTS.items():
            there = self.instance.gold.filter(purpose=purpose).count()
            if given.get(name, 0) > there:
                self.add_error(
                    name,
                    f"There {'is' if there == 1 else 'are'} {there} to ask. Take more below, or ask fewer.",
                )
        needed, asked = given.get("qualification_threshold"), given.get("qualification_count")
        if None not in (needed, asked) and needed > asked:
            self.add_error("qualification_threshold", f"More than the {asked} that are asked.")
        if asked and needed == 0:
            self.add_error("qualification_threshold", "With 0 everybody passes: name how many are needed.")
        return given


class TakeForm(forms.Form):
    count = forms.IntegerField(min_value=1, max_value=MOST_AT_ONCE, initial=10, label="How many")


class PickForm(forms.Form):
    triplet = forms.IntegerField(widget=forms.HiddenInput)
    why = forms.CharField(max_length=LONGEST_WHY, required=False)


class MarkForm(forms.Form):
    """A comparison of a curator's own, by the faces' keys."""

    anchor = forms.CharField(max_length=400)
    nearer = forms.CharField(max_length=400, label="The more alike")
    farther = forms.CharField(max_length=400, label="The less alike")
    why = forms.CharField(max_length=LONGEST_WHY, required=False, label="Why")


class WhyForm(forms.Form):
    why = forms.CharField(max_length=LONGEST_WHY, required=False)


class LetInForm(forms.Form):
    annotator = forms.ModelChoiceField(
        User.objects.filter(is_active=True), to_field_name="username", widget=forms.TextInput,
        label="Username",
        error_messages={"invalid_choice": "There is nobody of this name."},
    )  # fmt: skip
