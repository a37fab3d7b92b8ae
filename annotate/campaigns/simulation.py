"""Simulated annotators who answer a campaign through the same services as people do."""

from __future__ import annotations

import math
import random
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace

from django.utils import timezone

from annotate.accounts.models import Role, User
from annotate.campaigns.leases import lease
from annotate.campaigns.models import Answer, Campaign, Question
from annotate.campaigns.voting import cast_vote
from annotate.faces.models import Face
from annotate.tournament.simulator import Manner

AT_ONCE = 10


def simulated_annotators(campaign: Campaign, number: int) -> list[User]:
    """`number` annotators of their own for this campaign; they cannot log in."""
    names = [f"simulated-{campaign.pk}-{i}" for i in range(1, number + 1)]
    have = set(User.objects.filter(username__in=names).values_list("username", flat=True))
    for name in names:
        if name not in have:
            User.objects.create_user(name, None, role=Role.ANNOTATOR)
    return list(User.objects.filter(username__in=names).order_by("id"))


def simulate(
    campaign: Campaign,
    annotators: Iterable[User],
    manner: Manner,
    *,
    seed: int = 0,
    repetitions: Iterable[int] | None = None,
    progress: Callable[[int], None] = lambda votes: None,
) -> int:
    """Let the annotators answer in turn until none of them is asked anything more; returns their votes.

    `repetitions` limits them to those brackets. `progress` is told of each step's number of votes.
    """
    # Another call goes on from here: its votes have other ids, whatever the seed.
    rng = random.Random(f"simulate:{seed}:{campaign.votes.count()}")
    answer_at_all = True
    total = 0
    only = None if repetitions is None else list(repetitions)
    while answer_at_all:
        answer_at_all = False
        for annotator in annotators:
            questions = lease(
                campaign, annotator, count=AT_ONCE, at=timezone.now(), rng=rng, repetitions=only
            )
            _answer(questions, annotator, manner, rng)
            answer_at_all |= bool(questions)
            total += len(questions)
            progress(len(questions))
    return total


def _answer(questions: list[Question], annotator: User, manner: Manner, rng: random.Random) -> None:
    expressions = _known_expressions(questions)
    for question in questions:
        cast_vote(
            vote_id=uuid.UUID(int=rng.getrandbits(128), version=4),
            showing_id=question.pk,
            annotator=annotator,
            answer=choose(question, expressions, manner, rng),
            response_ms=round(rng.lognormvariate(7.6, 0.4)),
            at=timezone.now(),
        )


def _known_expressions(questions: list[Question]) -> dict[int, list[float] | None]:
    faces = {
        face for question in questions for face in (question.anchor_id, question.left_id, question.right_id)
    }
    return dict(Face.objects.filter(pk__in=faces).values_list("pk", "known_expression"))


def choose(
    question: Question, expressions: dict[int, list[float] | None], manner: Manner, rng: random.Random
) -> Answer:
    """What she says of the Euclidean distances of known expressions; without those, either at random."""
    anchor, left, right = (
        expressions[face] for face in (question.anchor_id, question.left_id, question.right_id)
    )
    if anchor is None or left is None or right is None:
        manner = replace(manner, carelessness=1.0)
        anchor = left = right = [0.0]
    said = manner.answer(math.dist(anchor, left), math.dist(anchor, right), rng)
    return Answer(said or Answer.UNCERTAIN)
