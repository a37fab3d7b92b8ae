"""Pages of data sets, and the pictures of faces, which nobody sees who has not logged in."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import get_object_or_404, render
from django.utils.http import parse_etags, quote_etag
from django.views.decorators.http import require_safe

from annotate.accounts.permissions import curator_required
from annotate.faces.models import Dataset, Face, Import

FIRST_FACES = 12
IMPORTS_SHOWN = 10


@require_safe
@login_required
def face_crop(request: HttpRequest, face_id: int) -> HttpResponse:
    """The aligned crop. Its bytes never change, but it may be erased: a browser keeps it for a day and then
    asks whether it is still there; shared caches may not keep it at all."""
    crop, sha256 = Face.objects.filter(pk=face_id).values_list("crop", "crop_sha256").first() or ("", "")
    headers = {
        "Cache-Control": "private, max-age=86400",
        "ETag": quote_etag(sha256),
        "X-Content-Type-Options": "nosniff",
    }
    if sha256 and headers["ETag"] in parse_etags(request.headers.get("If-None-Match", "")):
        return HttpResponseNotModified(headers=headers)
    try:
        if not crop:
            raise FileNotFoundError
        # Read here, some 20 KB: a remote storage says only then that it has no such file.
        with default_storage.open(crop) as file:
            picture = file.read()
    except FileNotFoundError:
        raise Http404("There is no such face") from None
    return HttpResponse(picture, content_type="image/jpeg", headers=headers)


@require_safe
@curator_required
def dataset_list(request: HttpRequest) -> HttpResponse:
    datasets = Dataset.objects.with_counts().order_by("name")
    imports = Import.objects.select_related("created_by").order_by("-pk")[:IMPORTS_SHOWN]
    return render(request, "faces/list.html", {"datasets": datasets, "imports": imports})


@require_safe
@curator_required
def dataset_detail(request: HttpRequest, name: str) -> HttpResponse:
    """A data set's counts, and its first few faces; the wall has all of them."""
    dataset = get_object_or_404(Dataset.objects.with_counts(), name=name)
    return render(
        request,
        "faces/detail.html",
        {
            "dataset": dataset,
            "expressions": dataset.faces.count_by_expression(),
            "strengths": dataset.imported_triplets.count_by_strength(),
            "faces": dataset.faces.order_by("pk")[:FIRST_FACES],
        },
    )
