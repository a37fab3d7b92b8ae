"""Who is asked what: leases of open comparisons. The claim itself is campaigns_ask, in the database."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import chain
from uuid import UUID

from django.db import connection, transaction

from annotate.accounts.models import User
from annotate.campaigns.brackets import lock_group
from annotate.campaigns.choosing import IN_A_ROW, PRESENT, UNDER_WAY, Arrival, for_a_stand_in
from annotate.campaigns.extras import plan_extras
from annotate.campaigns.models import Answer, Campaign, Comparison, Flag, Question
from annotate.campaigns.showings import draw_gold, held_gold, held_questions, show_gold
from annotate.campaigns.voting import Cast, one_transaction, store_vote

LEASE = timedelta(minutes=2)
# A lease that has so much left is not written again.
FRESH = LEASE - timedelta(seconds=20)
MOST_AT_ONCE = 50
QUESTION_FIELDS = [field.attname for field in Question._meta.concrete_fields]
COLUMNS = ", ".join(QUESTION_FIELDS)
ARRIVE = f"""SELECT gold_rate, extra_comparisons, held, {COLUMNS}
    FROM campaigns_arrive(%(campaign)s, %(her)s, %(at)s, %(until)s, %(fresh)s, %(repetitions)s::integer[])
    LEFT JOIN campaigns_ask(%(campaign)s, %(her)s,
        CASE WHEN gold_rate = 0 THEN least(%(ask)s, %(most)s - held) ELSE 0 END, %(at)s, %(until)s, %(since)s,
        %(sides)s, %(repetitions)s::integer[], %(in_a_row)s, %(under_way)s, false) ON true"""  # noqa: S608


def lease(
    campaign: Campaign,
    annotator: User,
    *,
    count: int,
    at: datetime,
    rng: random.Random,
    repetitions: Sequence[int] | None = None,
) -> list[Question]:
    """Up to `count` comparisons for her: those she holds already, then free ones, each held for LEASE.

    A comparison has at most one holder. She takes part in one repetition of a group; only where nobody
    present is left who may answer a match is she asked about another one's. `repetitions` keeps her to
    those.
    """
    here, _ = _arrive(campaign.pk, annotator, at, rng, repetitions)
    if here is None:
        return []
    count = min(count, MOST_AT_ONCE)
    held = held_questions(here)[:count]
    gold = held_gold(here)
    return _mixed(here, held, gold, count - len(held) - len(gold))


def answer_and_lease(
    *,
    vote_id: UUID,
    showing_id: int,
    annotator: User,
    answer: Answer,
    response_ms: int | None,
    more: int,
    at: datetime,
    rng: random.Random,
    flag: Flag | None = None,
    flagged_face: int | None = None,
) -> tuple[Cast, list[Question]]:
    """Store a vote, and lease up to `more` comparisons beside those that she holds and goes on holding.

    As a rule that is one transaction: the group of her vote is most often where she goes on. A vote that
    had come before brings none. Raises the kinds of VoteRefused.
    """
    here, claimed = None, []
    with one_transaction():
        cast = store_vote(vote_id, showing_id, annotator, answer, response_ms, at, flag, flagged_face)
        if more and cast.is_new:
            here, claimed = _arrive(cast.vote.campaign_id, annotator, at, rng, ask=more)
    if here is None:
        return cast, []
    return cast, claimed + _mixed(here, [], [], min(more, MOST_AT_ONCE - here.held) - len(claimed))


def _arrive(
    campaign_id: int,
    annotator: User,
    at: datetime,
    rng: random.Random,
    repetitions: Sequence[int] | None = None,
    *,
    ask: int = 0,
) -> tuple[Arrival | None, list[Question]]:
    """Note that she is here, for another LEASE of what she holds; None where she is asked nothing.

    Where there is no gold to be mixed in, up to `ask` comparisons come along.
    """
    only = None if repetitions is None else list(repetitions)
    terms = {
        "campaign": campaign_id, "her": annotator.pk, "at": at, "until": at + LEASE, "fresh": at + FRESH,
        "since": at - PRESENT, "repetitions": only, "ask": ask, "most": MOST_AT_ONCE,
        "sides": [rng.random() < 0.5 for _ in range(ask)], "in_a_row": IN_A_ROW, "under_way": UNDER_WAY,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(ARRIVE, terms)
        rows = cursor.fetchall()
    if not rows:
        return None, []
    here = Arrival(campaign_id, annotator, at, rng, only, *rows[0][:3])
    return here, _questions(row[3:] for row in rows if row[3] is not None)


def _mixed(here: Arrival, held: list[Question], gold: list[Question], wanted: int) -> list[Question]:
    """What she has, and up to `wanted` more, some of them gold; gold alone is not put to her."""
    drawn = draw_gold(here, wanted)
    # A lease may end between the two reads; nothing is put to her twice at once.
    known = {question.pk for question in held}
    new = [question for question in _new(here, wanted - len(drawn)) if question.pk not in known]
    if new or held:
        gold = gold + show_gold(here, drawn)
    questions = held + new + gold
    if gold:
        here.rng.shuffle(questions)
    return questions


def _new(here: Arrival, count: int) -> list[Question]:
    """Up to `count` comparisons that she did not hold."""
    if count <= 0:
        return []
    claimed = _ask(here, count, waits=False)
    if len(claimed) < count and here.repetitions is None and here.extra_comparisons:
        claimed += _extras(here, count - len(claimed))
    if not claimed:
        claimed = _ask(here, count, waits=True)
    if len(claimed) < count:
        for match in for_a_stand_in(here)[: count - len(claimed)]:
            claimed += _stand_in(match, here)
    return claimed


def _ask(here: Arrival, count: int, *, waits: bool) -> list[Question]:
    return _called(
        "campaigns_ask(%s, %s, %s, %s, %s, %s, %s, %s::integer[], %s, %s, %s)",
        here.campaign_id, here.annotator.pk, count, *_terms(here, count), UNDER_WAY, waits,
    )  # fmt: skip


def _extras(here: Arrival, count: int) -> list[Question]:
    """Extra comparisons: those that are open, then new ones."""
    claimed: list[Question] = []
    opened = Comparison.objects.filter(campaign=here.campaign_id, bracket__isnull=True).free(here.at)
    groups = opened.unanswered_by(here.annotator).order_by("group").values_list("group", flat=True)
    for group_id in chain(groups.distinct(), plan_extras(here.campaign, here.annotator, count)):
        claimed += _called(
            "campaigns_claim(%s, %s, %s, %s, %s, %s, %s, %s::integer[], %s, true, false)",
            group_id, here.annotator.pk, count - len(claimed), *_terms(here, count),
        )  # fmt: skip
        if len(claimed) == count:
            break
    return claimed


@transaction.atomic
def _stand_in(match: Comparison, here: Arrival) -> list[Question]:
    """Lease a match of another repetition, if it is still to be had."""
    lock_group(match.group_id)
    hers = Comparison.objects.leased_to(here.annotator, here.at).filter(group=match.group_id)
    free = Comparison.objects.free(here.at).unanswered_by(here.annotator).filter(pk=match.pk)
    if hers.exists() or not free.exists():
        return []
    return _called(
        "campaigns_hold(%s, %s, %s, %s, %s, NULL, NULL, 0)",
        match.group_id, [match.pk], here.annotator.pk, here.at + LEASE, here.sides(1),
    )  # fmt: skip


def _terms(here: Arrival, count: int) -> tuple[object, ...]:
    """What a claim has to know of her asking."""
    return here.at, here.at + LEASE, here.at - PRESENT, here.sides(count), here.repetitions, IN_A_ROW


def _called(function: str, *given: object) -> list[Question]:
    """The questions that a function of the database answers (migration 0008_asking)."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {COLUMNS} FROM {function}", given)  # noqa: S608
        return _questions(cursor.fetchall())


def _questions(rows: Iterable[Sequence[object]]) -> list[Question]:
    return [Question.from_db(connection.alias, QUESTION_FIELDS, row) for row in rows]
