"""The export for scripts: the choices of the export page, as parameters of one address."""

from __future__ import annotations

from django.http import FileResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotate.accounts.permissions import IsCurator
from annotate.campaigns.export_choice import FORMATS, SOURCES, SPLITS, STRENGTHS
from annotate.campaigns.export_file import CONTENT_TYPES
from annotate.campaigns.export_forms import ExportForm
from annotate.campaigns.export_views import file_of
from annotate.campaigns.models import Campaign

PARAMETERS = [
    OpenApiParameter(
        "format", enum=FORMATS, default="csv",
        description="CSV with a header, the layout of Google's FEC files, or Parquet",
    ),
    OpenApiParameter(
        "sources", enum=SOURCES, many=True, default=["direct", "inferred"],
        description="Repeat it for several",
    ),
    OpenApiParameter(
        "strengths", enum=STRENGTHS, many=True, default=list(STRENGTHS), description="Of imported triplets"
    ),
    OpenApiParameter("split", enum=SPLITS, description="Without it: both"),
    OpenApiParameter(
        "min_confidence", type=OpenApiTypes.FLOAT,
        description="0.51 to 0.99; with it all repetitions are weighed together, and each pair stands once",
    ),
]  # fmt: skip


class AsAsked(BaseContentNegotiation):
    """Here `format` names the file's layout, and is not REST framework's own."""

    def select_parser(self, request: Request, parsers: list) -> object:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: list, format_suffix: str | None = None) -> tuple:
        renderer: BaseRenderer = renderers[0]
        return renderer, renderer.media_type


class TripletsOf(APIView):
    permission_classes = [IsAuthenticated, IsCurator]
    content_negotiation_class = AsAsked

    @extend_schema(
        parameters=PARAMETERS,
        responses={
            **{(200, media.partition(";")[0]): OpenApiTypes.BINARY for media in CONTENT_TYPES.values()},
            400: OpenApiResponse(OpenApiTypes.OBJECT, "What is wrong, by parameter"),
            403: OpenApiResponse(description="For curators and admins"),
        },
    )
    def get(self, request: Request, campaign_id: int) -> FileResponse | Response:
        """A campaign's triplets as a file; the header X-Triplets says how many."""
        campaign = get_object_or_404(Campaign.objects.select_related("dataset"), pk=campaign_id)
        form = ExportForm.of_query(request.query_params)
        if not form.is_valid():
            return Response(form.errors, status=400)
        return file_of(campaign, form)
