"""A study with answers, for the walk over all pages and their screenshots."""

from __future__ import annotations

import random

from django.utils import timezone

from annotate.accounts.models import Role, User
from annotate.insight.models import Study
from annotate.insight.studies import Plan, create_study
from annotate.insight.study_choosing import draw_queries
from annotate.insight.study_voting import next_showings
from annotate.insight.tasks import prepare_study
from annotate.training.models import Embedding
from tests.insight.studies.world import answer, answer_all, come
from tests.training.registry import make_version

INSTRUCTIONS = "Look at the *expression* alone; a set counts as a whole."


def walked_study(dataset, snapshot, admin, annotator):
    """Of three versions: one annotator has answered all of it, this one half. Values of the addresses."""
    rng = random.Random(7)
    versions = [make_version(snapshot) for _ in range(3)]
    for spread, version in enumerate(versions):
        _embed(version, dataset, spread, rng)
    plan = Plan(
        name="Spring study", dataset=dataset, versions=versions, top_n=5, others_only=True,
        queries=draw_queries(dataset, split="", count=8, seed=1), instructions=INSTRUCTIONS,
    )  # fmt: skip
    study = create_study(plan, admin, timezone.now())
    prepare_study(job_id=study.pk)
    study = Study.objects.get(pk=study.pk)
    other = User.objects.filter(role=Role.ANNOTATOR).exclude(pk=annotator.pk).first()
    if other:
        answer_all(study, other, lambda showing: rng.choices(["one", "other", "uncertain"], [6, 3, 1])[0])
    for shown in next_showings(come(study, annotator), 12):
        answer(shown.showing, annotator, rng.choice(["left", "right"]))
    return {"study_id": study.pk, "number": 1}


def _embed(version, dataset, spread, rng):
    """What the first sees clearly the others see less and less."""
    Embedding.objects.bulk_create(
        Embedding(
            model_version=version, face=face,
            vector=[(face.known_expression or [0.0])[0] + rng.gauss(0, 0.01 + spread), *[0.0] * 15],
        )
        for face in dataset.faces.order_by("pk")
    )  # fmt: skip
