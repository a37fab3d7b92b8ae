"""The least that any correct tool of this kind does: one row claimed with SKIP LOCKED, one row inserted."""

import json

from django.contrib.auth.decorators import login_required
from django.db import connection, transaction
from django.http import JsonResponse
from django.urls import path

from config.urls import urlpatterns as project

TABLES = """
    CREATE TABLE bare_task (id bigserial PRIMARY KEY, taken_by bigint);
    CREATE INDEX bare_task_free ON bare_task (id) WHERE taken_by IS NULL;
    CREATE TABLE bare_answer (id uuid PRIMARY KEY, task bigint NOT NULL, annotator bigint NOT NULL,
        answer text NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
    INSERT INTO bare_task (taken_by) SELECT NULL FROM generate_series(1, 200000);
"""


@login_required
def cycle(request):
    """Store an answer and claim the next task."""
    given = json.loads(request.body)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bare_answer (id, task, annotator, answer) VALUES (%s, %s, %s, %s)",
            [given["id"], given["showing"], request.user.pk, given["answer"]],
        )
        cursor.execute(
            "UPDATE bare_task SET taken_by = %s WHERE id = (SELECT id FROM bare_task WHERE taken_by IS NULL "
            "ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id",
            [request.user.pk],
        )
        [task] = cursor.fetchone()
    return JsonResponse({"id": task})


urlpatterns = [path("bare/cycle", cycle), *project]
