"""An annotator's own work. Nobody is shown anybody else's here."""

from __future__ import annotations

import csv

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.timezone import get_current_timezone_name
from django.views.decorators.http import require_safe

from annotate.campaigns.my_work import LONGEST_COUNTED_MS, work_of

ROWS_SHOWN = 200
CSV_HEADER = ["day", "campaign", "answers", "taken_back", "seconds"]


@require_safe
@login_required
def my_work(request: HttpRequest) -> HttpResponse:
    """Answers and time by day and campaign, and the sum of all."""
    work = work_of(request.user)
    minutes = round(sum(row.milliseconds for row in work) / 60_000)
    context = {
        "rows": [(row, *divmod(round(row.seconds / 60), 60)) for row in work[:ROWS_SHOWN]],
        "more": len(work) > ROWS_SHOWN,
        "answers": sum(row.answers - row.taken_back for row in work),
        "days": len({row.day for row in work}),
        "hours": minutes // 60,
        "minutes": minutes % 60,
        "longest": LONGEST_COUNTED_MS // 1000,
        "zone": get_current_timezone_name(),
    }
    return render(request, "campaigns/my_work.html", context)


@require_safe
@login_required
def my_work_csv(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="semblance-work.csv"'
    writer = csv.writer(response)
    writer.writerow(CSV_HEADER)
    for row in work_of(request.user):
        writer.writerow([row.day.isoformat(), row.campaign, row.answers, row.taken_back, row.seconds])
    return response
