"""Pictures that somebody sends to be looked at: sending, choosing among their faces, deleting. Each is its
sender's alone: to everybody else, whatever their role, its address is not there."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST, require_safe

from annotate.accounts.permissions import curator_required
from annotate.insight.models import QueryFace, QueryPicture
from annotate.insight.queries import MOST_BYTES, QueryRefused, crop_of, receive, remove, too_long
from annotate.insight.query_forms import QueryForm
from annotate.insight.tasks import find_query_faces

PICTURES_SHOWN = 24


# Exempt only until it is known that the request is not too large: the token lies within its body.
@csrf_exempt
@curator_required
def query_list(request: HttpRequest) -> HttpResponse:
    """Send a picture, and those that were sent."""
    if request.method == "POST":
        if why := too_long(int(request.META.get("CONTENT_LENGTH") or 0)):
            # Nothing of the body is read.
            return _list(request, QueryForm(), why, status=413)
        return _receive(request)
    return _list(request, QueryForm())


@csrf_protect
def _receive(request: HttpRequest) -> HttpResponse:
    form = QueryForm(request.POST, request.FILES)
    if not form.is_valid():
        return _list(request, form)
    given = form.cleaned_data
    try:
        with transaction.atomic():
            picture = receive(
                given["picture"], request.user, timezone.now(), is_prealigned=given["is_prealigned"]
            )
            # Robust: where the queue does not answer, beat puts it there later.
            transaction.on_commit(lambda: find_query_faces.delay(job_id=picture.pk), robust=True)
    except QueryRefused as error:
        form.add_error("picture", str(error))
        return _list(request, form, status=422)
    return redirect("query-detail", picture.token)


def _list(request: HttpRequest, form: QueryForm, refused: str = "", status: int = 200) -> HttpResponse:
    hers = QueryPicture.objects.of(request.user, timezone.now())
    context = {
        "form": form,
        "refused": refused,
        "most_bytes": MOST_BYTES,
        "pictures": hers.prefetch_related("faces").order_by("-pk")[:PICTURES_SHOWN],
    }
    return render(request, "insight/queries.html", context, status=status)


@require_safe
@curator_required
def query_detail(request: HttpRequest, token: uuid.UUID) -> HttpResponse:
    picture = _hers(request, token)
    faces = list(picture.faces.all()) if picture.state == "done" else []
    return render(request, "insight/query.html", {"picture": picture, "faces": faces})


@require_safe
@curator_required
def query_crop(request: HttpRequest, token: uuid.UUID, place: int) -> HttpResponse:
    """The aligned crop of one of its faces, encoded anew: what was sent is never served."""
    face = get_object_or_404(QueryFace, picture=_hers(request, token), place=place)
    try:
        picture = crop_of(face)
    except FileNotFoundError:
        raise Http404("It has just been deleted") from None
    headers = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(picture, content_type="image/jpeg", headers=headers)


@require_POST
@curator_required
def query_delete(request: HttpRequest, token: uuid.UUID) -> HttpResponse:
    remove(_hers(request, token))
    messages.success(request, "The picture and all that was made of it are deleted.")
    return redirect("query-list")


def _hers(request: HttpRequest, token: uuid.UUID) -> QueryPicture:
    return get_object_or_404(QueryPicture.objects.of(request.user, timezone.now()), token=token)
