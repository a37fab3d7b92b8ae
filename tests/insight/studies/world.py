"""Two people's rows of faces on a line, model versions that place them, and studies of these versions."""

from __future__ import annotations

import random
import uuid

from django.utils import timezone

from annotate.faces.models import Face
from annotate.insight.models import Study, StudyComparison, StudyShowing
from annotate.insight.studies import Plan, arrive, create_study
from annotate.insight.study_voting import cast_study_vote, next_showings
from annotate.insight.tasks import prepare_study
from annotate.training.models import Embedding, ModelVersion, Run, RunState, Snapshot

SIZE = 40


def true_place(face):
    return face.known_expression[0]


def make_versions(dataset, *places, of=true_place):
    """A version for each function that says where on its line it puts the face at a place."""
    snapshot, _ = Snapshot.objects.get_or_create(
        folder="frozen", defaults={"name": "frozen", "dataset": dataset, "sha256": "0" * 64, "counts": {}}
    )
    versions = []
    for place in places:
        run = Run.objects.create(snapshot=snapshot, state=RunState.SUCCEEDED)
        version = ModelVersion.objects.create(run=run, folder=f"run-{run.pk}", evaluation={})
        embed(version, dataset, lambda face, place=place: place(of(face)))
        versions.append(version)
    return versions


def embed(version, dataset, place):
    Embedding.objects.bulk_create(
        Embedding(model_version=version, face=face, vector=[place(face), *[0.0] * 15])
        for face in dataset.faces.order_by("pk")
    )


def as_it_is(place):
    return place


def mirrored(place):
    """Takes a face for one of the line's other half."""
    return abs(place - SIZE / 2)


def scattered(place):
    return (place * 17) % SIZE


def plan_of(dataset, versions, **changes):
    queries = changes.pop("queries", None) or list(dataset.faces.order_by("pk")[5:9])
    options = {"name": "Whose is nearer?", "top_n": 3, "others_only": False, **changes}
    return Plan(dataset=dataset, versions=versions, queries=queries, **options)


def make_study(dataset, versions, admin, **changes) -> Study:
    """Prepared by its task, and open unless that failed."""
    study = create_study(plan_of(dataset, versions, **changes), admin, timezone.now())
    prepare_study(job_id=study.pk)
    study.refresh_from_db()
    return study


def come(study, user, seed=1):
    """A participant, with her showings."""
    return arrive(study, user, timezone.now(), random.Random(seed))


def answer(showing_id, user, answer, *, vote_id=None, response_ms=1200):
    return cast_study_vote(
        vote_id=vote_id or uuid.uuid4(), showing_id=showing_id, user=user, answer=answer,
        response_ms=response_ms, at=timezone.now(),
    )  # fmt: skip


def answer_all(study, user, choose, seed=1):
    """She answers everything; `choose` is given a showing and says "one", "other" or "uncertain"."""
    participant = come(study, user, seed)
    for shown in next_showings(participant, 1000):
        showing = StudyShowing.objects.select_related("comparison__query").get(pk=shown.showing)
        chosen = choose(showing)
        side = "left" if (chosen == "one") == showing.one_is_left else "right"
        answer(shown.showing, user, "uncertain" if chosen == "uncertain" else side)
    return participant


def comparison(study, number, *places):
    """Of a query, between the contenders of these places."""
    one, other = sorted(study.contenders.get(place=place).pk for place in places or (0, 1))
    return StudyComparison.objects.get(query__study=study, query__number=number, one=one, other=other)


def faces_of(found):
    return list(Face.objects.filter(pk__in=found).values_list("known_expression", flat=True))
