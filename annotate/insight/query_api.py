"""Query pictures for scripts: send one, hear what was found in it, delete it."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotate.accounts.permissions import IsCurator
from annotate.insight.models import QueryPicture
from annotate.insight.queries import QueryRefused, TooManyQueries, receive, remove, too_long
from annotate.insight.tasks import find_query_faces

FOR_CURATORS = OpenApiResponse(description="For curators and admins")
NOT_HERS = OpenApiResponse(description="There is no such picture of yours: it may have expired")


class SentPictureSerializer(serializers.Serializer):
    picture = serializers.FileField(help_text="JPEG, PNG, WebP, BMP or TIFF, at most 40 megapixels")
    is_prealigned = serializers.BooleanField(
        default=False, help_text="It is an aligned crop already: no face is looked for"
    )


class QueryFaceSerializer(serializers.Serializer):
    face = serializers.IntegerField(help_text="Its place from left to right, the first is 0")
    crop = serializers.CharField(help_text="Address of its aligned crop (JPEG)")


class QuerySerializer(serializers.Serializer):
    id = serializers.UUIDField()
    address = serializers.CharField(help_text="Where to ask for it again, and to delete it")
    state = serializers.ChoiceField(choices=["waiting", "working", "failed", "done"])
    error = serializers.CharField(help_text="Why it failed; empty where it did not")
    expires_at = serializers.DateTimeField(help_text="When it and all that was made of it is deleted")
    faces = QueryFaceSerializer(
        many=True, help_text="What was found, once it is done; of several, choose one"
    )


class ErrorSerializer(serializers.Serializer):
    detail = serializers.CharField()


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE


class Queries(APIView):
    permission_classes = [IsAuthenticated, IsCurator]
    parser_classes = [MultiPartParser]

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        # Before anything reads the body, as the check of a session's token does.
        if why := too_long(int(request.META.get("CONTENT_LENGTH") or 0)):
            raise TooLarge(why)
        super().initial(request, *args, **kwargs)

    @extend_schema(
        request={"multipart/form-data": SentPictureSerializer},
        responses={
            202: QuerySerializer,
            403: FOR_CURATORS,
            413: OpenApiResponse(ErrorSerializer, description="The file is too large"),
            422: OpenApiResponse(ErrorSerializer, description="It is no picture that can be looked at"),
            429: OpenApiResponse(ErrorSerializer, description="You have as many as one may have"),
        },
        operation_id="query_create",
    )
    def post(self, request: Request) -> Response:
        """Send a picture to be looked at. Ask at its address until it is done: a worker finds its faces."""
        sent = SentPictureSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        given = sent.validated_data
        try:
            with transaction.atomic():
                picture = receive(
                    given["picture"], request.user, timezone.now(), is_prealigned=given["is_prealigned"]
                )
                transaction.on_commit(lambda: find_query_faces.delay(job_id=picture.pk), robust=True)
        except TooManyQueries as error:
            return Response({"detail": str(error)}, status=429)
        except QueryRefused as error:
            return Response({"detail": str(error)}, status=422)
        said = _as_json(picture)
        return Response(said, status=202, headers={"Location": said["address"]})


class Query(APIView):
    permission_classes = [IsAuthenticated, IsCurator]

    @extend_schema(responses={200: QuerySerializer, 403: FOR_CURATORS, 404: NOT_HERS}, operation_id="query")
    def get(self, request: Request, token: uuid.UUID) -> Response:
        """How far it is, and what was found in it."""
        return Response(_as_json(hers(request, token)))

    @extend_schema(responses={204: None, 403: FOR_CURATORS, 404: NOT_HERS}, operation_id="query_delete")
    def delete(self, request: Request, token: uuid.UUID) -> Response:
        """Delete it and all that was made of it."""
        remove(hers(request, token))
        return Response(status=204)


def hers(request: Request, token: uuid.UUID) -> QueryPicture:
    """A query picture of whoever asks. Raises Http404."""
    return get_object_or_404(QueryPicture.objects.of(request.user, timezone.now()), token=token)


def _as_json(picture: QueryPicture) -> dict[str, Any]:
    places = picture.faces.values_list("place", flat=True) if picture.state == "done" else ()
    return {
        "id": str(picture.token),
        "address": reverse("api-query", args=[picture.token]),
        "state": picture.state,
        "error": picture.error,
        "expires_at": picture.expires_at,
        "faces": [
            {"face": place, "crop": reverse("query-crop", args=[picture.token, place])} for place in places
        ],
    }
