"""Pictures that somebody sends to be looked at: sending, choosing among their faces, deleting. Each is its
sender's alone: to everybody else, whatever their role, its address is not there."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST, require_safe

from annotate.accounts.permissions import curator_required
from annotate.insight.models import QueryFace, QueryPicture
from annotate.insight.queries import (
    QueryRefused,
    ask_to_embed,
    crop_of,
    receive,
    remove,
    too_long,
)
from annotate.insight.query_forms import QueryForm
from annotate.insight.retrieval import query_of_picture, some_faces
from annotate.insight.retrieval_forms import RetrievalForm
from annotate.insight.retrieval_views import columns_of
from annotate.insight.tasks import embed_query, find_query_faces
from annotate.training.models import ModelVersion
from annotate.training.versions import active_version

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
    active = active_version()
    context = {
        "form": form,
        "refused": refused,
        "active": active,
        "some": some_faces(active),
        "pictures": hers.prefetch_related("faces").order_by("-pk")[:PICTURES_SHOWN],
    }
    return render(request, "insight/queries.html", context, status=status)


@require_safe
@curator_required
def query_detail(request: HttpRequest, token: uuid.UUID) -> HttpResponse:
    """How far the picture is; of several faces which one (?face=); what is nearest to it."""
    picture = _hers(request, token)
    faces = list(picture.faces.all()) if picture.state == "done" else []
    form = RetrievalForm(request.GET)
    place = request.GET.get("face", "0" if len(faces) == 1 else "")
    chosen = next((face for face in faces if str(face.place) == place), None)
    columns = []
    if chosen is not None and form.is_valid():
        columns = columns_of(
            form,
            lambda version: query_of_picture(chosen, version),
            lambda version: chosen.embeddings.filter(model_version=version).first(),
        )
    context = {
        "picture": picture,
        "faces": faces,
        "chosen": chosen,
        "form": form,
        "columns": columns,
        "under_way": not picture.ended_at or any(column.is_under_way for column in columns),
    }
    return render(request, "insight/query.html", context)


@require_POST
@curator_required
def query_embed(request: HttpRequest, token: uuid.UUID, place: int, version_id: int) -> HttpResponse:
    """Have one of its faces embedded by a version, and go back."""
    face = get_object_or_404(QueryFace, picture=_hers(request, token), place=place)
    version = get_object_or_404(ModelVersion, pk=version_id)
    with transaction.atomic():
        asked, is_new = ask_to_embed(face, version, timezone.now())
        if is_new:
            transaction.on_commit(lambda: embed_query.delay(job_id=asked.pk), robust=True)
    back = request.POST.get("next", "")
    own = reverse("query-detail", args=[token])
    # Nowhere but to this picture's own page.
    return redirect(back if back.partition("?")[0] == own else f"{own}?face={place}&version={version_id}")


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
