"""Many annotators at once on real PostgreSQL connections: nothing is asked twice, nothing is lost."""

import random
import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from annotate.accounts.models import Role, User
from annotate.campaigns.creation import create_campaign
from annotate.campaigns.gold import draw_gold_from_triplets
from annotate.campaigns.leases import LEASE, answer_and_lease, lease
from annotate.campaigns.models import Answer, Bracket, Comparison, Vote
from annotate.campaigns.voting import cast_vote

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 12


def in_threads(work, arguments):
    errors = []

    def run(argument):
        try:
            work(argument)
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(argument,)) for argument in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert errors == []


def test_a_campaign_under_many_hands(dataset):
    campaign = create_campaign(name="c", dataset=dataset, groups=3, k=16, seed=5).campaign
    people = [User.objects.create_user(f"a{i}", None, role=Role.ANNOTATOR) for i in range(THREADS)]
    acknowledged = []

    def annotate(person):
        rng = random.Random(person.pk)
        idle = 0
        while idle < 5:
            questions = lease(campaign, person, count=3, at=timezone.now(), rng=rng)
            idle = 0 if questions else idle + 1
            for question in questions:
                vote = {
                    "vote_id": uuid.UUID(int=rng.getrandbits(128)), "showing_id": question.pk,
                    "annotator": person, "answer": rng.choice([*Answer.values, Answer.LEFT]),
                    "response_ms": 1, "at": timezone.now(),
                }  # fmt: skip
                cast_vote(**vote)
                if rng.random() < 0.2:
                    assert not cast_vote(**vote).is_new
                acknowledged.append(vote["vote_id"])

    in_threads(annotate, people)
    assert sorted(acknowledged) == sorted(Vote.objects.values_list("pk", flat=True))
    assert not Comparison.objects.open().exists()
    for bracket in Bracket.objects.all():
        assert bracket.finished_at is not None
        assert bracket.comparisons.count() == 15
    decisive = Vote.objects.exclude(answer="uncertain").values_list("comparison", flat=True)
    assert len(decisive) == len(set(decisive))


@pytest.mark.parametrize("on", ["match", "gold"])
def test_the_same_vote_from_six_connections_counts_once(campaign, annotators, on):
    if on == "gold":
        draw_gold_from_triplets(campaign, 1)
        showing = campaign.gold.get().showings.create(annotator=annotators[0], low_is_left=True).pk
    else:
        [question] = lease(campaign, annotators[0], count=1, at=timezone.now(), rng=random.Random(1))
        showing = question.pk
    vote_id = uuid.uuid4()
    outcomes = []
    barrier = threading.Barrier(6)

    def send(_):
        barrier.wait()
        cast = cast_vote(
            vote_id=vote_id, showing_id=showing, annotator=annotators[0], answer="left",
            response_ms=None, at=timezone.now(),
        )  # fmt: skip
        outcomes.append(cast.is_new)

    in_threads(send, range(6))
    assert sorted(outcomes) == [False] * 5 + [True]
    assert Vote.objects.count() == 1


def test_two_annotators_cannot_both_decide(campaign, annotators):
    """Both were shown it, the first one's lease having ended: one decides, the others are evidence."""
    comparison = Comparison.objects.first()
    shown = {a: comparison.showings.create(annotator=a, low_is_left=True).pk for a in annotators}
    barrier = threading.Barrier(len(annotators))
    counted = []

    def send(annotator):
        barrier.wait()
        cast = cast_vote(
            vote_id=uuid.uuid4(), showing_id=shown[annotator], annotator=annotator, answer="left",
            response_ms=None, at=timezone.now(),
        )  # fmt: skip
        counted.append(cast.vote.counts)

    in_threads(send, annotators)
    assert sorted(counted) == [False] * (len(annotators) - 1) + [True]
    assert Vote.objects.count() == len(annotators)


def test_an_answer_waits_for_no_other_group(campaign, annotators):
    """What she holds elsewhere is renewed with her answer, but not while somebody else is deciding it."""
    anna, now, rng = annotators[0], timezone.now(), random.Random(1)
    first, *held = lease(campaign, anna, count=8, at=now, rng=rng)
    elsewhere = next(q for q in held if q.comparison.group_id != first.comparison.group_id)
    is_held, may_go = threading.Event(), threading.Event()

    def decide(_):
        with transaction.atomic():
            Comparison.objects.select_for_update().get(pk=elsewhere.comparison_id)
            is_held.set()
            may_go.wait(20)

    other = threading.Thread(target=in_threads, args=(decide, [None]))
    other.start()
    is_held.wait(20)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '3s'")
        cast, more = answer_and_lease(
            vote_id=uuid.uuid4(), showing_id=first.pk, annotator=anna, answer="left", response_ms=None,
            more=1, at=now + LEASE - timedelta(seconds=5), rng=rng,
        )  # fmt: skip
    finally:
        may_go.set()
        other.join()
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")
    assert cast.vote.counts
    assert len(more) == 1


def test_siblings_decided_at_once_open_one_next_match(campaign, annotators):
    bracket = Bracket.objects.first()
    for low in (0, 2):
        siblings = list(bracket.comparisons.filter(round=1, position__in=(low, low + 1)))
        shown = [
            (comparison.showings.create(annotator=annotator, low_is_left=True).pk, annotator)
            for comparison, annotator in zip(siblings, annotators, strict=False)
        ]
        barrier = threading.Barrier(2)

        def send(pair, barrier=barrier):
            barrier.wait()
            cast_vote(
                vote_id=uuid.uuid4(), showing_id=pair[0], annotator=pair[1], answer="left",
                response_ms=None, at=timezone.now(),
            )  # fmt: skip

        in_threads(send, shown)
    assert bracket.comparisons.filter(round=2).count() == 2


def test_an_acknowledged_vote_is_committed(campaign, annotators):
    [question] = lease(campaign, annotators[0], count=1, at=timezone.now(), rng=random.Random(1))
    cast_vote(
        vote_id=uuid.uuid4(), showing_id=question.pk, annotator=annotators[0], answer="left",
        response_ms=None, at=timezone.now(),
    )  # fmt: skip
    assert not connection.in_atomic_block
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == ("on",)
