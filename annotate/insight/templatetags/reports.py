"""Reports for the pages of model versions: those stand in a room below this one, and only link to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import template

from annotate.insight.report_pages import newest_reports
from annotate.training.models import ModelVersion

register = template.Library()


@register.simple_tag
def reports_on(rows: Iterable[Any]) -> dict[int, list[Any]]:
    """The newest made reports of these rows' versions, one a data set and extent, by version."""
    return newest_reports([row.version.pk for row in rows])


@register.simple_tag
def newest_reports_on(version: ModelVersion) -> list[Any]:
    return newest_reports([version.pk]).get(version.pk, [])


@register.filter
def of_version(reports: dict[int, list[Any]], version: ModelVersion) -> list[Any]:
    return reports.get(version.pk, [])
