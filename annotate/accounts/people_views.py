"""The list of people, and what an admin does about one of them."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.tokens import default_token_generator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlencode, urlsafe_base64_encode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotate.accounts.forms import PeopleFilter, RoleForm
from annotate.accounts.models import Role, User
from annotate.accounts.people import PeopleRefused, change_role, deactivate, reactivate
from annotate.accounts.permissions import admin_required, curator_required
from annotate.accounts.signing_in import locked_names, unlock

SHOWN = 50


@require_safe
@curator_required
def person_list(request: HttpRequest) -> HttpResponse:
    """Everybody by name, a page at a time. Curators read it; what is done about people is the admins'."""
    form = PeopleFilter(request.GET)
    form.is_valid()
    asked = form.cleaned_data
    people = User.objects.select_related("invitation__created_by").order_by("username")
    if asked.get("q"):
        people = people.filter(username__icontains=asked["q"])
    if asked.get("role"):
        people = people.filter(role=asked["role"])
    if asked.get("state"):
        people = people.filter(is_active=asked["state"] == "active")
    if asked.get("after"):
        people = people.filter(username__gt=asked["after"])
    shown = list(people[: SHOWN + 1])
    following = None
    if len(shown) > SHOWN:
        del shown[SHOWN:]
        following = urlencode({**{k: v for k, v in asked.items() if v}, "after": shown[-1].username})
    locked = locked_names(user.username for user in shown)
    rows = [{"user": user, "locked_until": locked.get(user.username)} for user in shown]
    context = {"form": form, "rows": rows, "following": following, "is_first": not asked.get("after")}
    return render(request, "accounts/people.html", context)


@require_safe
@admin_required
def person_detail(request: HttpRequest, user_id: int) -> HttpResponse:
    return _person(request, user_id)


def _person(request: HttpRequest, user_id: int, **more: object) -> HttpResponse:
    person = get_object_or_404(User.objects.select_related("invitation__created_by"), pk=user_id)
    context = {
        "person": person,
        "is_self": person.pk == request.user.pk,
        "locked_until": locked_names([person.username]).get(person.username),
        "tokens": person.auth_token_set.filter(expiry__gt=timezone.now()).count(),
        "consents": person.consents.select_related("text").order_by("-accepted_at"),
        "role_form": RoleForm(initial={"role": person.role}),
    }
    return render(request, "accounts/person.html", context | more)


@require_POST
@admin_required
def person_role(request: HttpRequest, user_id: int) -> HttpResponse:
    form = RoleForm(request.POST)
    if form.is_valid():
        role = Role(form.cleaned_data["role"])
        return _try(
            request, user_id, f"is {role.label} now",
            lambda: change_role(user_id, role, by=request.user, at=timezone.now()),
        )  # fmt: skip
    messages.error(request, "There is no such role. Nothing was changed.")
    return redirect("person-detail", user_id)


@require_POST
@admin_required
def person_active(request: HttpRequest, user_id: int) -> HttpResponse:
    """Deactivate somebody, or let her in again."""
    if request.POST.get("active") == "true":
        return _try(request, user_id, "can log in again", lambda: reactivate(user_id))
    return _try(
        request, user_id, "is deactivated and logged out everywhere. Every answer is kept",
        lambda: deactivate(user_id, by=request.user, at=timezone.now()),
    )  # fmt: skip


def _try(request: HttpRequest, user_id: int, done: str, change: object) -> HttpResponse:
    person = get_object_or_404(User, pk=user_id)
    try:
        change()
    except PeopleRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"{person} {done}.")
    return redirect("person-detail", user_id)


@never_cache
@require_POST
@admin_required
def person_reset_link(request: HttpRequest, user_id: int) -> HttpResponse:
    """A link with which somebody sets a new password herself; it works once, and is shown once."""
    person = get_object_or_404(User, pk=user_id)
    if not person.is_active:
        messages.error(request, f"{person} is deactivated. Reactivate the account first.")
        return redirect("person-detail", user_id)
    uid = urlsafe_base64_encode(force_bytes(person.pk))
    path = reverse("password_reset_confirm", args=[uid, default_token_generator.make_token(person)])
    days = settings.PASSWORD_RESET_TIMEOUT // 86_400
    return _person(request, user_id, reset_link=request.build_absolute_uri(path), reset_days=days)


@require_POST
@admin_required
def person_unlock(request: HttpRequest, user_id: int) -> HttpResponse:
    """Let somebody try again at once who has failed too often to log in."""
    person = get_object_or_404(User, pk=user_id)
    unlock(person.username)
    messages.success(request, f"{person} can try to log in again.")
    return redirect("person-detail", user_id)
