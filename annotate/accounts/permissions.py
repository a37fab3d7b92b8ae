"""Who may open a page. A stranger is sent to log in; somebody without the role gets 403.

Curators' and admins' pages are in English, all of each page: half of one in another language helps nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import translation
from django.utils.http import urlencode
from rest_framework.permissions import BasePermission

from annotate.accounts.consent import consent_is_missing

View = Callable[..., HttpResponse]


def curator_required(view: View) -> View:
    """For curators and admins."""

    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if not request.user.is_curator:
            raise PermissionDenied
        request.is_english_only = True
        with translation.override("en"):
            return view(request, *args, **kwargs)

    return guarded


def consent_required(view: View) -> View:
    """For everybody who has accepted the consent text in force; the others are led to it, and back."""

    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if consent_is_missing(request.user):
            return redirect(f"{reverse('consent')}?{urlencode({'next': request.path})}")
        return view(request, *args, **kwargs)

    return guarded


def admin_required(view: View) -> View:
    """For admins only."""

    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if not request.user.is_admin:
            raise PermissionDenied
        request.is_english_only = True
        with translation.override("en"):
            return view(request, *args, **kwargs)

    return guarded


class IsCurator(BasePermission):
    """Of an endpoint for curators and admins."""

    def has_permission(self, request: HttpRequest, view: object) -> bool:
        return request.user.is_authenticated and request.user.is_curator
