"""Getting in: logging in, registering with an invitation, a forgotten password; and one's own account."""

from __future__ import annotations

import math

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, views
from django.contrib.auth.decorators import login_required
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from annotate.accounts import invitations
from annotate.accounts.consent import current_text
from annotate.accounts.forms import EmailForm, RegistrationForm
from annotate.accounts.models import Invitation, User
from annotate.accounts.signing_in import address_of, locked_until

BACKEND = settings.AUTHENTICATION_BACKENDS[-1]


class SignIn(views.LoginView):
    redirect_authenticated_user = True

    def get_context_data(self, **context):
        return super().get_context_data(
            **context, can_mail=bool(settings.EMAIL_HOST), contact=settings.CONTACT
        )


def locked_out(
    request: HttpRequest, response: HttpResponse | None = None, credentials: dict | None = None
) -> HttpResponse:
    """What whoever has failed too often sees in place of `response`: until when, and whom to ask."""
    until = locked_until((credentials or {}).get("username", ""), address_of(request))
    left = until - timezone.now() if until else settings.AXES_COOLOFF_TIME
    context = {"minutes": max(1, math.ceil(left.total_seconds() / 60)), "contact": settings.CONTACT}
    return render(request, "registration/locked_out.html", context, status=429)


@never_cache
@sensitive_post_parameters("password1", "password2")
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Make an account by an invitation's link, and be logged in."""
    if request.user.is_authenticated:
        return render(request, "accounts/join_as_user.html")
    invitation = invitations.find(token)
    if invitation is None or not Invitation.objects.open(timezone.now()).contains(invitation):
        return _closed(request, invitation)
    form = RegistrationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data
        try:
            user = invitations.register(
                token, username=chosen["username"], password=chosen["password1"],
                email=chosen.get("email", ""), at=timezone.now(),
            )  # fmt: skip
        except invitations.InvitationClosed:
            return _closed(request, invitations.find(token))
        except IntegrityError:
            form.add_error("username", form.fields["username"].error_messages["unique"])
        else:
            login(request, user, backend=BACKEND)
            messages.success(request, _("Welcome! Your account is ready."))
            return redirect("home")
    return render(request, "accounts/join.html", {"form": form, "invitation": invitation})


def _closed(request: HttpRequest, invitation: Invitation | None) -> HttpResponse:
    context = {"invitation": invitation, "contact": settings.CONTACT}
    return render(request, "accounts/join_closed.html", context, status=410 if invitation else 404)


@never_cache
@login_required
def account(request: HttpRequest) -> HttpResponse:
    """One's own account; from here to everything that is one's own."""
    form = None
    if settings.EMAIL_HOST:
        form = EmailForm(request.POST or None, instance=User.objects.get(pk=request.user.pk))
        if request.method == "POST" and form.is_valid():
            form.save()
            messages.success(request, _("Your e-mail address is saved."))
            return redirect("account")
    return render(request, "accounts/account.html", {"form": form, "consent": current_text(request.user)})


class PasswordChange(views.PasswordChangeView):
    """It ends her sessions everywhere else: they hold a hash of the old password."""

    template_name = "accounts/password_change.html"
    success_url = reverse_lazy("account")

    def form_valid(self, form):
        answer = super().form_valid(form)
        messages.success(
            self.request, _("Your password is changed. Wherever else you were logged in, you are logged out.")
        )
        return answer


class PasswordReset(views.PasswordResetView):
    """Asks for a link by e-mail, where a server for that is configured."""

    template_name = "accounts/password_reset.html"
    email_template_name = "accounts/password_reset_email.txt"
    subject_template_name = "accounts/password_reset_subject.txt"

    def dispatch(self, request, *args, **kwargs):
        if not settings.EMAIL_HOST:
            raise Http404
        return super().dispatch(request, *args, **kwargs)


class PasswordResetConfirm(views.PasswordResetConfirmView):
    """Where such a link leads, and one that an admin made. It works once: what it signs holds the old
    password."""

    template_name = "accounts/password_reset_confirm.html"
    success_url = reverse_lazy("home")
    post_reset_login = True
    post_reset_login_backend = BACKEND

    def get_user(self, uidb64):
        user = super().get_user(uidb64)
        return user if user is not None and user.is_active else None

    def form_valid(self, form):
        answer = super().form_valid(form)
        messages.success(self.request, _("Your new password is set, and you are logged in."))
        return answer
