"""The Celery tasks of this room. They take ids, may be delivered twice, and leave all writing to services."""

from __future__ import annotations

from celery import Task
from django.db import transaction
from django.utils import timezone

from annotate.insight import manipulation_worker, map_worker, query_worker, report_worker
from annotate.insight.embedding_index import tend_index
from annotate.insight.manipulations import sweep_manipulations
from annotate.insight.models import (
    ExpressionMap,
    Interpolation,
    ManipulationGrid,
    QueryEmbedding,
    QueryPicture,
    Report,
    Study,
)
from annotate.insight.queries import sweep_queries
from annotate.insight.studies import prepare
from annotate.training import jobs
from annotate.training.job_worker import work_on
from annotate.training.models.jobs import Job
from config.celery import app


@app.task
def find_query_faces(*, job_id: int) -> None:
    """Find and embed the faces of a picture that was sent, if nobody has yet."""
    query_worker.find(job_id)


@app.task
def embed_query(*, job_id: int) -> None:
    """Embed a face of such a picture by a version, if nobody has yet."""
    query_worker.embed(job_id)


@app.task
def lay_out_map(*, job_id: int) -> None:
    """Lay out an expression map, if that is still asked for."""
    work_on(ExpressionMap, job_id, map_worker.lay_out)


@app.task
def make_grid(*, job_id: int) -> None:
    """Make a grid of manipulated faces, if nobody has yet."""
    manipulation_worker.make_grid(job_id)


@app.task
def make_interpolation(*, job_id: int) -> None:
    """Make a source's faces on its way to a target's expression, if nobody has yet."""
    manipulation_worker.make_interpolation(job_id)


@app.task
def sweep() -> None:
    """Remove query pictures and interpolations that have expired. Beat sends this every ten minutes."""
    sweep_queries(timezone.now())
    sweep_manipulations(timezone.now())


@app.task
def make_report(*, job_id: int) -> None:
    """Make a report, if it is still asked for."""
    work_on(Report, job_id, report_worker.make)


@app.task
def tend_embedding_index() -> None:
    """Have the active version's embeddings indexed, where that is worth it. Beat sends this every minute."""
    tend_index()


@app.task
def prepare_study(*, job_id: int) -> None:
    """Find and freeze what a study's versions find for its queries, and open it."""
    work_on(Study, job_id, lambda study, watch: prepare(study, watch.enter_part))


# Which task does the jobs of which table.
TASKS: dict[type[Job], Task] = {
    QueryPicture: find_query_faces,
    QueryEmbedding: embed_query,
    ExpressionMap: lay_out_map,
    Report: make_report,
    Study: prepare_study,
    ManipulationGrid: make_grid,
    Interpolation: make_interpolation,
}


@app.task
def notice_lost_insight() -> None:
    """Put on the queue again what a killed worker left, or whose message was lost. Beat sends this."""
    now = timezone.now()
    with transaction.atomic():
        for table, task in TASKS.items():
            for job_id in jobs.recover(table, now):
                transaction.on_commit(lambda task=task, job_id=job_id: task.delay(job_id=job_id))
