"""Model versions for scripts: the list, and which is the active one."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotate.accounts.permissions import IsCurator
from annotate.training.version_reports import VersionRow, version_rows
from annotate.training.versions import active_version


class AccuracySerializer(serializers.Serializer):
    accuracy = serializers.FloatField(allow_null=True, help_text="0 to 1; null: it is not measured")
    triplets = serializers.IntegerField(help_text="On how many it rests")


class VersionSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    is_active = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    run = serializers.IntegerField()
    parent = serializers.IntegerField(allow_null=True, help_text="The version that it was fine-tuned from")
    dataset = serializers.CharField()
    snapshot = serializers.CharField()
    sha256 = serializers.CharField(help_text="The snapshot's, as it was when the version was trained")
    network = serializers.CharField()
    validation = AccuracySerializer(help_text="On its data set's validation snapshot as that is now")
    held_out = AccuracySerializer(help_text="On the held-out triplets of its own snapshot")
    erased_at = serializers.DateTimeField(
        allow_null=True, help_text="When somebody from whom it has learnt was last erased"
    )
    card = serializers.CharField(help_text="Address of its card (Markdown)")
    download = serializers.CharField(help_text="Address of its weights and configuration (ZIP)")


class VersionList(serializers.Serializer):
    active = serializers.IntegerField(allow_null=True, help_text="The active version's id")
    versions = VersionSerializer(many=True, help_text="The newest first, at most 200")


class Versions(APIView):
    permission_classes = [IsAuthenticated, IsCurator]

    @extend_schema(
        responses={200: VersionList, 403: OpenApiResponse(description="For curators and admins")},
        operation_id="versions",
    )
    def get(self, request: Request) -> Response:
        """The model versions, and which of them is the active one."""
        active = active_version()
        rows = [_as_json(row) for row in version_rows()]
        return Response({"active": active.pk if active else None, "versions": rows})


def _as_json(row: VersionRow) -> dict[str, Any]:
    version, run = row.version, row.version.run
    return {
        "id": version.pk,
        "is_active": row.is_active,
        "created_at": version.created_at,
        "run": run.pk,
        "parent": run.parent_id,
        "dataset": run.snapshot.dataset.name,
        "snapshot": run.snapshot.name,
        "sha256": run.snapshot.sha256_at(run.created_at),
        "network": row.network,
        "validation": {"accuracy": row.validation.accuracy, "triplets": row.validation.triplets},
        "held_out": {"accuracy": row.held_out.accuracy, "triplets": row.held_out.triplets},
        "erased_at": version.erased_at,
        "card": reverse("version-card-file", args=[version.pk]),
        "download": reverse("version-download", args=[version.pk]),
    }
