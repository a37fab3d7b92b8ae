"""The nearest faces for scripts: of a face of a data set, or of one in a picture that was sent."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotate.accounts.permissions import IsCurator
from annotate.faces.models import Face, Split, Status
from annotate.insight.query_api import FOR_CURATORS, NOT_HERS, ErrorSerializer, hers
from annotate.insight.retrieval import (
    MOST,
    Found,
    Query,
    Wanted,
    nearest,
    nearest_pictures,
    query_of,
    query_of_picture,
)
from annotate.training.models import ModelVersion
from annotate.training.versions import active_version

PICTURES = "pictures"


class WantedSerializer(serializers.Serializer):
    """What is asked; what is left out is left open."""

    version = serializers.CharField(
        required=False, help_text="A version's id, or `pictures` for a floor without any; default: the active"
    )
    n = serializers.IntegerField(min_value=1, max_value=MOST, default=10)
    other_identities = serializers.BooleanField(
        default=False, help_text="Leave out the query's own person, where that is known"
    )
    dataset = serializers.CharField(default="", help_text="Of this data set alone, by its name")
    expression = serializers.CharField(default="", help_text="`=` stands for: not labelled")
    split = serializers.ChoiceField(choices=Split.values, required=False)
    status = serializers.ChoiceField(choices=Status.values, required=False)


class NeighbourSerializer(serializers.Serializer):
    face = serializers.IntegerField(help_text="Its id")
    key = serializers.CharField()
    distance = serializers.FloatField(
        help_text="Euclidean, between embeddings; of pictures, how many of 64 bits of a hash differ"
    )
    dataset = serializers.CharField()
    identity = serializers.CharField()
    expression = serializers.CharField()
    split = serializers.CharField()
    status = serializers.CharField()
    crop = serializers.CharField(help_text="Address of its aligned crop (JPEG)")


class NeighboursSerializer(serializers.Serializer):
    version = serializers.IntegerField(allow_null=True, help_text="null: plain pictures were compared")
    is_exact = serializers.BooleanField(
        help_text="Every face that may be an answer was measured; otherwise an index chose them, of which at "
        "least 99 in 100 are the same"
    )
    neighbours = NeighbourSerializer(many=True, help_text="The nearest first")


NOT_EMBEDDED = OpenApiResponse(
    ErrorSerializer, description="There is no active version, or the version has not embedded the query yet"
)


def _described(operation: str, missing: OpenApiResponse) -> Any:
    return extend_schema(
        parameters=[WantedSerializer],
        responses={
            200: NeighboursSerializer,
            400: OpenApiResponse(description="Something is asked for that there is not"),
            403: FOR_CURATORS,
            404: missing,
            409: NOT_EMBEDDED,
        },
        operation_id=operation,
    )


class FaceNeighbours(APIView):
    permission_classes = [IsAuthenticated, IsCurator]

    @_described("face_neighbours", OpenApiResponse(description="There is no such face or version"))
    def get(self, request: Request, face_id: int) -> Response:
        """The faces whose expression is nearest to that of a face, by a version's embeddings."""
        face = get_object_or_404(Face, pk=face_id)
        return _answer(request, lambda version: query_of(face, version))


class QueryNeighbours(APIView):
    permission_classes = [IsAuthenticated, IsCurator]

    @extend_schema(parameters=[OpenApiParameter("face", int, description="Which of its faces, by place (0)")])
    @_described("query_neighbours", NOT_HERS)
    def get(self, request: Request, token: uuid.UUID) -> Response:
        """As of a face, of one in a picture that you sent; the active version embeds it by itself."""
        place = request.query_params.get("face", "0")
        faces = hers(request, token).faces.filter(place=int(place) if place.isdecimal() else -1)
        face = get_object_or_404(faces)
        return _answer(request, lambda version: query_of_picture(face, version))


def _answer(request: Request, query: Any) -> Response:
    asked = WantedSerializer(data=request.query_params)
    asked.is_valid(raise_exception=True)
    given = dict(asked.validated_data)
    version, count = given.pop("version", ""), given.pop("n")
    chosen = None if version == PICTURES else _version(version)
    if chosen is None and version != PICTURES:
        return Response({"detail": "There is no active version: name one, or compare pictures."}, status=409)
    looked_for: Query = query(chosen)
    if (looked_for.phash if chosen is None else looked_for.vector) is None:
        what = "The picture was never measured" if chosen is None else f"{chosen} has not embedded it yet"
        return Response({"detail": f"{what.capitalize()}."}, status=409)
    wanted = Wanted(**given)
    if chosen is None:
        return Response(_as_json(None, nearest_pictures(looked_for, wanted, count)))
    return Response(_as_json(chosen, nearest(chosen, looked_for, wanted, count)))


def _version(asked: str) -> ModelVersion | None:
    if not asked:
        return active_version()
    if not asked.isdecimal() or len(asked) > 18:
        raise ValidationError({"version": ["A version's id, or `pictures`."]})
    found = ModelVersion.objects.filter(pk=int(asked)).first()
    if found is None:
        raise Http404("There is no such version")
    return found


def _as_json(version: ModelVersion | None, found: Found) -> dict[str, Any]:
    return {
        "version": version.pk if version else None,
        "is_exact": found.is_exact,
        "neighbours": [
            {
                "face": one.face.pk,
                "key": one.face.key,
                "distance": one.distance,
                "dataset": one.face.dataset.name,
                "identity": one.face.identity,
                "expression": one.face.expression,
                "split": one.face.split,
                "status": one.face.status,
                "crop": reverse("face-crop", args=[one.face.pk]),
            }
            for one in found.neighbours
        ],
    }
