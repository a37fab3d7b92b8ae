"""Pages of data sets, and the pictures of faces, which nobody sees who has not logged in."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from annotate.accounts.permissions import curator_required
from annotate.faces.models import Dataset, Face


@require_safe
@login_required
def face_crop(request: HttpRequest, face_id: int) -> HttpResponse:
    """The aligned crop. Its bytes never change, so a browser may keep it; shared caches may not."""
    crop = Face.objects.filter(pk=face_id).values_list("crop", flat=True).first()
    try:
        if crop is None:
            raise FileNotFoundError
        file = default_storage.open(crop)
    except FileNotFoundError:
        raise Http404("There is no such face") from None
    headers = {"Cache-Control": "private, max-age=31536000, immutable"}
    return FileResponse(file, content_type="image/jpeg", headers=headers)


@require_safe
@curator_required
def dataset_list(request: HttpRequest) -> HttpResponse:
    return render(request, "faces/list.html", {"datasets": Dataset.objects.order_by("name")})


@require_safe
@curator_required
def dataset_detail(request: HttpRequest, name: str) -> HttpResponse:
    return render(request, "faces/detail.html", {"dataset": get_object_or_404(Dataset, name=name)})
