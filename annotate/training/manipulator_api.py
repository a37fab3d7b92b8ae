"""Manipulators for scripts: the list, and how each was judged."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotate.accounts.permissions import IsCurator
from annotate.training import curves
from annotate.training.models import Manipulator

MOST = 200


class ManipulatorSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    run = serializers.IntegerField()
    version = serializers.IntegerField(help_text="The model version whose embedding guides it")
    dataset = serializers.CharField()
    snapshot = serializers.CharField()
    sha256 = serializers.CharField(help_text="The snapshot's, as it was when the manipulator was trained")
    size = serializers.IntegerField(help_text="Side of the faces that it makes, in px")
    pairs = serializers.IntegerField(
        allow_null=True, help_text="Of held-out people, on which it was judged; null: it was not judged"
    )
    nearer_to_expression = serializers.FloatField(
        allow_null=True, help_text="Share of the pairs: nearer to the target's expression than the source was"
    )
    nearer_to_identity = serializers.FloatField(
        allow_null=True, help_text="Share of the pairs: nearer to the source's person than to the target's"
    )
    erased_at = serializers.DateTimeField(
        allow_null=True, help_text="When somebody from whom it has learnt was last erased"
    )


class ManipulatorList(serializers.Serializer):
    manipulators = ManipulatorSerializer(many=True, help_text="The newest first, at most 200")


class Manipulators(APIView):
    permission_classes = [IsAuthenticated, IsCurator]

    @extend_schema(
        responses={200: ManipulatorList, 403: OpenApiResponse(description="For curators and admins")},
        operation_id="manipulators",
    )
    def get(self, request: Request) -> Response:
        """The manipulators, and how each was judged."""
        found = Manipulator.objects.select_related("run__snapshot__dataset").defer("run__events")
        found = found.prefetch_related("run__snapshot__alterations").order_by("-pk")[:MOST]
        return Response({"manipulators": [_as_json(one) for one in found]})


def _as_json(manipulator: Manipulator) -> dict[str, Any]:
    run = manipulator.run
    return {
        "id": manipulator.pk,
        "created_at": manipulator.created_at,
        "run": run.pk,
        "version": run.parent_id,
        "dataset": run.snapshot.dataset.name,
        "snapshot": run.snapshot.name,
        "sha256": run.snapshot.sha256_at(run.created_at),
        "size": run.config["size"],
        "pairs": manipulator.judgement.get("pairs"),
        **{name: curves.judged(manipulator.judgement, name) for name in curves.JUDGED},
        "erased_at": manipulator.erased_at,
    }
