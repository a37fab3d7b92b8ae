"""Forms of the pages about people and accounts."""

from __future__ import annotations

from datetime import timedelta

from django import forms
from django.conf import settings
from django.contrib.auth.forms import BaseUserCreationForm
from django.utils.translation import gettext_lazy as _

from annotate.accounts.models import ConsentText, Role, User

LONGEST_INVITATION_DAYS = 90
MOST_USES = 500


class RegistrationForm(BaseUserCreationForm):
    """What a stranger with an invitation chooses."""

    class Meta(BaseUserCreationForm.Meta):
        model = User
        fields = ("username", "email")
        labels = {"username": _("Username"), "email": _("E-mail address")}
        help_texts = {
            "username": _("With it you log in, and others see it. It need not be your real name."),
            "email": _("You may leave it out. It is used for one thing: if you forget your password."),
        }

    def __init__(self, data: object = None) -> None:
        super().__init__(data)
        self.fields["username"].widget.attrs["autocomplete"] = "username"
        if not settings.EMAIL_HOST:
            del self.fields["email"]

    def clean_username(self) -> str:
        """Names that differ in capitals only would be taken for each other."""
        username = self.cleaned_data["username"]
        if User.objects.filter(username__iexact=username).exists():
            self.add_error("username", User._meta.get_field("username").error_messages["unique"])
        return username


class InvitationForm(forms.Form):
    role = forms.ChoiceField(label="Role")
    note = forms.CharField(
        max_length=200, required=False, help_text="For yourself: whom it is for. The invited do not see it."
    )
    uses = forms.IntegerField(
        min_value=1, max_value=MOST_USES, initial=1, label="Number of uses",
        help_text="How many accounts can be made with it. One link for a whole class: its size.",
    )  # fmt: skip
    days = forms.IntegerField(
        min_value=1, max_value=LONGEST_INVITATION_DAYS, initial=7, label="Days that it is valid"
    )

    def __init__(self, data: object, roles: list[Role]) -> None:
        super().__init__(data)
        self.fields["role"].choices = [(role.value, role.label) for role in roles]

    def settings(self) -> dict[str, object]:
        """What invitations.invite takes."""
        given = self.cleaned_data
        return {
            "role": Role(given["role"]), "note": given["note"], "uses": given["uses"],
            "lasts": timedelta(days=given["days"]),
        }  # fmt: skip


class PeopleFilter(forms.Form):
    """What the list of people can be asked for; what is wrong in it is left out."""

    STATES = [("", "any"), ("active", "active"), ("deactivated", "deactivated")]

    q = forms.CharField(max_length=150, required=False, label="Name", widget=forms.SearchInput)
    role = forms.ChoiceField(choices=[("", "any"), *Role.choices], required=False)
    state = forms.ChoiceField(choices=STATES, required=False)
    after = forms.CharField(max_length=150, required=False, widget=forms.HiddenInput)


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices, label="Role")


class EmailForm(forms.ModelForm):
    """Where the link goes if she forgets her password."""

    class Meta:
        model = User
        fields = ("email",)
        labels = {"email": _("E-mail address")}
        help_texts = {
            "email": _("You may leave it out. It is used for one thing: if you forget your password.")
        }


class TokenForm(forms.Form):
    name = forms.CharField(
        max_length=100, label=_("Name"), help_text=_("What it is for, so that you know it again in the list.")
    )
    days = forms.TypedChoiceField(
        coerce=int, initial=90, label=_("Valid for"),
        choices=[(7, _("a week")), (30, _("30 days")), (90, _("90 days")), (365, _("a year"))],
    )  # fmt: skip


class ConsentTextForm(forms.ModelForm):
    class Meta:
        model = ConsentText
        fields = ("text", "text_zh_hans")
        labels = {"text": "Text", "text_zh_hans": "In Simplified Chinese (if you have it)"}
        help_texts = {
            "text": "Markdown: # headings, **bold**, - lists, [links](https://...).",
            "text_zh_hans": "Shown to whoever reads the pages in Chinese; without it, the text above is.",
        }
        widgets = {name: forms.Textarea(attrs={"rows": 14}) for name in ("text", "text_zh_hans")}
