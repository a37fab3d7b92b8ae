"""Makes studies, prepares, closes and opens them, and says who takes part. Answers are study_voting.py's."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations

from django.db import transaction

from annotate.accounts.models import Role, User
from annotate.faces.models import Dataset, Face
from annotate.insight.models import (
    Contender,
    Participant,
    Result,
    Study,
    StudyComparison,
    StudyQuery,
    StudyShowing,
)
from annotate.insight.study_choosing import CannotMakeStudy, Found, check_embedded, find
from annotate.training.models import ModelVersion

MOST_CONTENDERS = 5


@dataclass(frozen=True)
class Plan:
    """What a study is to be. `participants` are those whom the admin chose; None is every annotator."""

    name: str
    dataset: Dataset
    versions: Sequence[ModelVersion]
    queries: Sequence[Face]
    top_n: int = 5
    others_only: bool = True
    pairs_per_query: int | None = None
    seed: int = 0
    instructions: str = ""
    participants: Collection[User] | None = None


@transaction.atomic
def create_study(plan: Plan, by: User, at: datetime) -> Study:
    """Enter a study with its queries; a worker finds the lists. The caller enqueues that.

    Raises CannotMakeStudy.
    """
    check_embedded(plan.dataset, plan.versions)
    if len(plan.versions) > MOST_CONTENDERS:
        raise CannotMakeStudy(
            f"{len(plan.versions)} versions are too many: choose {MOST_CONTENDERS} at most."
        )
    if not plan.queries:
        raise CannotMakeStudy("A study needs a query.")
    study = Study.objects.create(
        name=plan.name, dataset=plan.dataset, top_n=plan.top_n, others_only=plan.others_only,
        pairs_per_query=plan.pairs_per_query, seed=plan.seed, instructions=plan.instructions,
        for_everybody=plan.participants is None, created_by=by, enqueued_at=at,
    )  # fmt: skip
    versions = sorted(plan.versions, key=lambda version: version.pk)
    random.Random(plan.seed).shuffle(versions)
    Contender.objects.bulk_create(
        Contender(study=study, model_version=version, place=place) for place, version in enumerate(versions)
    )
    StudyQuery.objects.bulk_create(
        StudyQuery(study=study, number=number, face=face) for number, face in enumerate(plan.queries, 1)
    )
    Participant.objects.bulk_create(Participant(study=study, user=user) for user in plan.participants or ())
    return study


def prepare(study: Study, found_one: Callable[[int, int], None] = lambda done, total: None) -> None:
    """Find and freeze the lists of a study, and draw its comparisons: all or nothing, and again the same.

    Does nothing once it is open. `found_one` hears after each query how many of how many are done.
    Raises CannotMakeStudy.
    """
    contenders = list(study.contenders.select_related("model_version").order_by("place"))
    queries = list(study.queries.exclude(face=None).select_related("face__dataset").order_by("number"))
    faces = [query.face for query in queries]
    versions = [contender.model_version for contender in contenders]
    found = []
    for one in find(faces, versions, top_n=study.top_n, others_only=study.others_only):
        found.append(one)
        found_one(len(found), len(faces))
    pairs = drawn_pairs(len(contenders), len(queries), study.pairs_per_query, random.Random(study.seed))
    with transaction.atomic():
        if not Study.objects.select_for_update().unfinished().filter(pk=study.pk).exists():
            return  # Another worker took this one for lost, and it is open by now: there may be answers.
        # What a killed worker left: nobody was asked before it was done.
        Result.objects.filter(query__study=study).delete()
        StudyComparison.objects.filter(query__study=study).delete()
        for query, one, of_query in zip(queries, found, pairs, strict=True):
            _freeze(query, contenders, one, of_query)


def _freeze(
    query: StudyQuery, contenders: Sequence[Contender], found: Found, pairs: Iterable[tuple[int, int]]
) -> None:
    lists = [found.lists[contender.model_version_id] for contender in contenders]
    Result.objects.bulk_create(
        Result(query=query, contender=contender, rank=rank, face_id=face)
        for contender, faces in zip(contenders, lists, strict=True)
        for rank, face in enumerate(faces, 1)
    )
    comparisons = []
    for first, second in pairs:
        one, other = sorted((contenders[first], contenders[second]), key=lambda contender: contender.pk)
        is_tie = set(lists[first]) == set(lists[second])
        comparisons.append(StudyComparison(query=query, one=one, other=other, is_tie=is_tie))
    StudyComparison.objects.bulk_create(comparisons)


def drawn_pairs(
    contenders: int, queries: int, per_query: int | None, rng: random.Random
) -> list[list[tuple[int, int]]]:
    """The pairs of contenders that each query asks about: all, or so many in turn, each about as often."""
    pairs = list(combinations(range(contenders), 2))
    if per_query is None or per_query >= len(pairs):
        return [pairs] * queries
    drawn: list[list[tuple[int, int]]] = []
    asked = dict.fromkeys(pairs, 0)
    for _ in range(queries):
        rng.shuffle(pairs)
        rarest = sorted(pairs, key=lambda pair: asked[pair])[:per_query]
        for pair in rarest:
            asked[pair] += 1
        drawn.append(rarest)
    return drawn


def close(study: Study, at: datetime) -> bool:
    """Ask nobody any more; what was answered stays. False where it was not open."""
    return bool(Study.objects.open().filter(pk=study.pk).update(closed_at=at))


def reopen(study: Study) -> bool:
    """Go on asking. False where it was not closed."""
    return bool(Study.objects.filter(pk=study.pk, closed_at__isnull=False).update(closed_at=None))


@transaction.atomic
def choose_participants(study: Study, users: Collection[User] | None) -> None:
    """Who may answer from now on; None is every annotator. What others answered before stays."""
    Study.objects.filter(pk=study.pk).update(for_everybody=users is None)
    if users is None:
        Participant.objects.filter(study=study, began_at=None).delete()
        Participant.objects.filter(study=study).update(may_answer=True)
        return
    chosen = {user.pk for user in users if user.role == Role.ANNOTATOR}
    for user in chosen:
        Participant.objects.update_or_create(study=study, user_id=user, defaults={"may_answer": True})
    dropped = Participant.objects.filter(study=study).exclude(user__in=chosen)
    dropped.filter(began_at=None).delete()
    dropped.update(may_answer=False)


@transaction.atomic
def arrive(study: Study, user: User, at: datetime, rng: random.Random) -> Participant | None:
    """Her place in an open study that asks her, with her showings drawn when she first comes; else None."""
    if not Study.objects.asking(user).filter(pk=study.pk).exists():
        return None
    Participant.objects.get_or_create(study=study, user=user)
    hers = Participant.objects.select_for_update(no_key=True).get(study=study, user=user)
    if hers.began_at is None:
        _draw_showings(hers, rng)
        hers.began_at = at
        hers.save(update_fields=["began_at"])
    return hers


def _draw_showings(participant: Participant, rng: random.Random) -> None:
    """All comparisons in an order of her own; of each pair of contenders each stands left half of the time,
    where it stood there least for those before her."""
    asked = StudyComparison.objects.asked().filter(query__study=participant.study_id)
    comparisons = list(asked.order_by("pk").values_list("pk", "one", "other"))
    balance = _balance(participant.study_id)
    one_is_left: dict[int, bool] = {}
    by_pair: dict[tuple[int, int], list[int]] = {}
    for comparison, one, other in comparisons:
        by_pair.setdefault((one, other), []).append(comparison)
    for members in by_pair.values():
        rng.shuffle(members)
        members.sort(key=lambda comparison: balance.get(comparison, 0))
        half = len(members) // 2 + (len(members) % 2 and rng.random() < 0.5)
        one_is_left |= {comparison: place < half for place, comparison in enumerate(members)}
    order = list(one_is_left)
    rng.shuffle(order)
    StudyShowing.objects.bulk_create(
        StudyShowing(participant=participant, comparison_id=pk, place=place, one_is_left=one_is_left[pk])
        for place, pk in enumerate(order)
    )


def _balance(study_id: int) -> dict[int, int]:
    """For each comparison how much more often its one stood left than its other."""
    shown = StudyShowing.objects.filter(participant__study=study_id)
    balance: dict[int, int] = {}
    for comparison, is_left in shown.values_list("comparison", "one_is_left"):
        balance[comparison] = balance.get(comparison, 0) + (1 if is_left else -1)
    return balance
