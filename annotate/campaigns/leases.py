"""Who is asked what: leases of open comparisons, each group claimed in one short transaction."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import chain

from django.db import transaction
from django.db.models import Exists, F, OuterRef

from annotate.accounts.models import User
from annotate.campaigns.choosing import IN_A_ROW, asked_in, for_a_stand_in, groups_for, present
from annotate.campaigns.extras import plan_extras
from annotate.campaigns.models import (
    Assignment,
    Campaign,
    Comparison,
    Group,
    Participation,
    Seat,
    Vote,
)
from annotate.campaigns.showings import Question, draw_gold, held_gold, questions_of, show

LEASE = timedelta(minutes=2)
# A lease that has so much left is not written again.
FRESH = LEASE - timedelta(seconds=20)
MOST_AT_ONCE = 50
SEEN_AGAIN = timedelta(seconds=30)


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
    those. Each group is claimed in a short transaction of its own, so no two claims wait for each other.
    """
    if not campaign.is_active:
        return []
    here = _arrive(campaign, annotator, at)
    if here.paused_at is not None:
        return []
    count = min(count, MOST_AT_ONCE)
    held = _held(campaign, annotator, at, repetitions)[:count]
    gold = held_gold(campaign, annotator)
    wanted = count - len(held) - len(gold)
    drawn = [number for number in range(wanted) if rng.random() < campaign.gold_rate]
    if wanted > len(drawn):
        # A lease may end between the two reads; nothing is put to her twice at once.
        known = {comparison.pk for comparison in held}
        new = _new(campaign, here, wanted - len(drawn), at, repetitions)
        held += [comparison for comparison in new if comparison.pk not in known]
    if drawn and held:
        gold += draw_gold(campaign, annotator, len(drawn))
    questions = questions_of(held, gold, show(held, gold, annotator, rng))
    if gold:
        rng.shuffle(questions)
    return questions


def _arrive(campaign: Campaign, annotator: User, at: datetime) -> Participation:
    here, is_new = Participation.objects.get_or_create(
        campaign=campaign, annotator=annotator, defaults={"seen_at": at}
    )
    here.annotator, here.campaign = annotator, campaign
    if not is_new and at - here.seen_at > SEEN_AGAIN:
        here.seen_at = at
        here.save(update_fields=["seen_at"])
    return here


def _held(
    campaign: Campaign, annotator: User, at: datetime, repetitions: Sequence[int] | None
) -> list[Comparison]:
    """Those that she holds, for another LEASE from now."""
    hers = asked_in(campaign, repetitions).leased_to(annotator, at)
    held = list(hers.select_related("group").order_by("group", "id"))
    if held:
        if all(comparison.leased_until > at + FRESH for comparison in held):
            return held
        # One whose lease has ended since it was read may be somebody else's already.
        still = hers.filter(pk__in=[comparison.pk for comparison in held])
        if still.update(leased_until=at + LEASE) < len(held):
            held = list(hers.select_related("group").order_by("group", "id"))
    return held


def _new(
    campaign: Campaign, here: Participation, count: int, at: datetime, repetitions: Sequence[int] | None
) -> list[Comparison]:
    """Up to `count` comparisons that she did not hold."""
    claimed: list[Comparison] = []
    busy: list[int] = []
    if here.group_id is not None:
        claimed += _claim(here.group_id, here, count, at, repetitions, wait=True, goes_on=True) or []
    if len(claimed) == count:
        return claimed
    for group_id in groups_for(campaign, here, at, repetitions):
        found = _claim(group_id, here, count - len(claimed), at, repetitions, wait=False)
        if found is None:
            busy.append(group_id)
            continue
        claimed += found
        if len(claimed) == count:
            return claimed
    if len(claimed) < count and repetitions is None:
        claimed += _extras(campaign, here, count - len(claimed), at)
    for group_id in busy:
        if not claimed:
            claimed += _claim(group_id, here, count, at, repetitions, wait=True) or []
    if len(claimed) < count:
        for match in for_a_stand_in(campaign, here.annotator, at, repetitions)[: count - len(claimed)]:
            claimed += _stand_in(match, here, at)
    return claimed


def _extras(campaign: Campaign, here: Participation, count: int, at: datetime) -> list[Comparison]:
    """Extra comparisons, where the campaign asks for them: those that are open, then new ones."""
    claimed: list[Comparison] = []
    opened = Comparison.objects.filter(campaign=campaign, bracket__isnull=True).free(at)
    groups = opened.unanswered_by(here.annotator).order_by("group").values_list("group", flat=True)
    for group_id in chain(groups.distinct(), plan_extras(campaign, here.annotator, count)):
        claimed += _claim(group_id, here, count - len(claimed), at, None, wait=True) or []
        if len(claimed) == count:
            break
    return claimed


@transaction.atomic
def _claim(
    group_id: int,
    here: Participation,
    most: int,
    at: datetime,
    repetitions: Sequence[int] | None,
    *,
    wait: bool,
    goes_on: bool = False,
) -> list[Comparison] | None:
    """Lease what is hers to take in a group; None where somebody else is claiming there right now.

    `goes_on` ends with the row of comparisons that she has begun with this anchor, and begins no other.
    """
    group = Group.objects.select_for_update(skip_locked=not wait).filter(pk=group_id).first()
    if group is None:
        return None
    hers = Vote.objects.live().filter(
        annotator=here.annotator, group=OuterRef("group"), low=OuterRef("low"), high=OuterRef("high")
    )
    rows = list(
        asked_in(here.campaign, repetitions)
        .open()
        .filter(group=group)
        .annotate(is_answered=Exists(hers))
        .order_by("id")
    )
    seats = list(Seat.objects.filter(group=group).order_by("id"))
    seat = next((seat for seat in seats if seat.annotator_id == here.annotator_id), None)
    hers_to_take = _hers_to_take(rows, seats, seat, here, at)
    if here.campaign.assignment == Assignment.SPREAD:
        done = (seat.leases if seat else 0) % IN_A_ROW
        most = min(most, IN_A_ROW - done) if done or not goes_on else 0
    return _hold(group, hers_to_take[:most], seat, here, at)


def _hers_to_take(
    rows: Sequence[Comparison], seats: Sequence[Seat], seat: Seat | None, here: Participation, at: datetime
) -> list[Comparison]:
    """Of a group's open comparisons those that she may answer: of her repetition or, where she has none
    yet, of that which has the fewest annotators. Those that somebody was uncertain about come first."""
    looking_at = {
        (row.low, row.high) for row in rows if row.leased_to_id == here.annotator_id and row.leased_until > at
    }
    free = [
        row
        for row in rows
        if not row.is_answered
        and (row.leased_until is None or row.leased_until <= at)
        and (row.low, row.high) not in looking_at
    ]
    extras = [row for row in free if row.bracket_id is None]
    if here.campaign.assignment == Assignment.WHOLE:
        free = _not_anothers(free, seats, here, at)
    if seat is not None:
        brackets = [seat.bracket_id]
    else:
        taken = Counter(seat.bracket_id for seat in seats)
        unfinished = sorted({row.bracket_id for row in rows if row.bracket_id is not None})
        fewest = min((taken[bracket] for bracket in unfinished), default=0)
        waiting = {row.bracket_id for row in free}
        brackets = [b for b in unfinished if taken[b] == fewest and b in waiting][:1]
    matches = [row for row in free if row.bracket_id in brackets]
    pairs: dict[tuple[int, int], Comparison] = {}
    for row in sorted(matches, key=lambda row: row.uncertain == 0) + extras:
        pairs.setdefault((row.low, row.high), row)
    return list(pairs.values())


def _not_anothers(
    free: Sequence[Comparison], seats: Sequence[Seat], here: Participation, at: datetime
) -> list[Comparison]:
    """Where a bracket is one annotator's: without those of others who are here, but for what they were
    uncertain about."""
    owners: dict[int, int] = {}
    for seat in seats:
        owners.setdefault(seat.bracket_id, seat.annotator_id)
    around = set(present(here.campaign, at).values_list("annotator", flat=True)) - {here.annotator_id}
    return [row for row in free if row.uncertain or owners.get(row.bracket_id) not in around]


@transaction.atomic
def _stand_in(match: Comparison, here: Participation, at: datetime) -> list[Comparison]:
    """Lease a match of another repetition, if it is still to be had."""
    group = Group.objects.select_for_update().get(pk=match.group_id)
    hers = Comparison.objects.leased_to(here.annotator, at).filter(group=group)
    free = Comparison.objects.free(at).unanswered_by(here.annotator).filter(pk=match.pk)
    return [] if hers.exists() else _hold(group, list(free), None, here, at, takes_seat=False)


def _hold(
    group: Group,
    comparisons: list[Comparison],
    seat: Seat | None,
    here: Participation,
    at: datetime,
    *,
    takes_seat: bool = True,
) -> list[Comparison]:
    """Write her leases, and her seat and whereabouts with them."""
    if not comparisons:
        return []
    Comparison.objects.filter(pk__in=[comparison.pk for comparison in comparisons]).update(
        leased_to=here.annotator, leased_until=at + LEASE
    )
    brackets = [comparison.bracket_id for comparison in comparisons if comparison.bracket_id is not None]
    if takes_seat and brackets:
        if seat is None:
            Seat.objects.create(
                campaign=here.campaign, group=group, bracket_id=brackets[0], annotator=here.annotator,
                leases=len(brackets),
            )  # fmt: skip
        else:
            Seat.objects.filter(pk=seat.pk).update(leases=F("leases") + len(brackets))
        if here.group_id != group.pk:
            here.group, here.reached = group, max(here.reached, group.pk)
            here.save(update_fields=["group", "reached"])
    for comparison in comparisons:
        comparison.group = group
    return comparisons
