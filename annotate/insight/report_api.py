"""Evaluation reports for scripts: a version's, and one with all its figures."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotate.accounts.permissions import IsCurator
from annotate.insight.models import Report
from annotate.insight.report_pages import REPORTS_SHOWN
from annotate.training.models import ModelVersion

RESPONSES = {
    403: OpenApiResponse(description="For curators and admins"),
    404: OpenApiResponse(description="No such"),
}


class ReportSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    version = serializers.IntegerField()
    dataset = serializers.CharField()
    faces = serializers.CharField(help_text="val: the held-out ones; all")
    measured = serializers.CharField(help_text="embedding, or identity: the frozen identity branch alone")
    state = serializers.CharField(help_text="waiting, working, made or failed")
    progress = serializers.FloatField(help_text="0 to 1")
    error = serializers.CharField(help_text="Why it failed")
    asked_at = serializers.DateTimeField()
    made_at = serializers.DateTimeField(allow_null=True)
    made_of = serializers.DictField(
        help_text="Counts, and a hash: equal for reports on the same faces and labels"
    )
    markdown = serializers.CharField(allow_null=True, help_text="Address of it as Markdown")


class WholeReportSerializer(ReportSerializer):
    figures = serializers.DictField(
        allow_null=True, help_text="What `python -m model report` printed; null until it is made"
    )


class ReportList(serializers.Serializer):
    reports = ReportSerializer(many=True, help_text=f"The newest first, at most {REPORTS_SHOWN}")


class VersionReports(APIView):
    permission_classes = [IsAuthenticated, IsCurator]

    @extend_schema(responses={200: ReportList, **RESPONSES}, operation_id="version_reports")
    def get(self, request: Request, version_id: int) -> Response:
        """The reports on a model version."""
        version = get_object_or_404(ModelVersion, pk=version_id)
        reports = version.reports.select_related("dataset").order_by("-pk")[:REPORTS_SHOWN]
        return Response({"reports": [_as_json(report) for report in reports]})


class OneReport(APIView):
    permission_classes = [IsAuthenticated, IsCurator]

    @extend_schema(responses={200: WholeReportSerializer, **RESPONSES}, operation_id="report")
    def get(self, request: Request, report_id: int) -> Response:
        """One report with its figures."""
        report = get_object_or_404(Report.objects.select_related("dataset"), pk=report_id)
        return Response(_as_json(report) | {"figures": report.figures})


def _as_json(report: Report) -> dict[str, Any]:
    made = report.ended_at if report.is_done else None
    return {
        "id": report.pk,
        "version": report.model_version_id,
        "dataset": report.dataset.name,
        "faces": report.extent,
        "measured": report.measured,
        "state": _state(report),
        "progress": report.progress,
        "error": report.error,
        "asked_at": report.created_at,
        "made_at": made,
        "made_of": report.made_of,
        "markdown": reverse("report-file", args=[report.pk]) if made else None,
    }


def _state(report: Report) -> str:
    if report.ended_at:
        return "failed" if report.error else "made"
    return "working" if report.worker else "waiting"
