"""Somebody answers at the very moment at which the group that she answers on is voided."""

import random
import threading
import uuid

import pytest
from django.db import connection, transaction
from django.utils import timezone

from annotate.accounts.models import Role, User
from annotate.campaigns.leases import answer_and_lease, lease
from annotate.campaigns.models import Group, VoidedAnswers, Vote
from annotate.campaigns.verification import differences
from annotate.campaigns.voiding import Voided, void_gold, void_group
from annotate.campaigns.voting import NotShown
from tests.curation.erasing import make_world


@pytest.fixture
def questions(transactional_db, admin):
    """What an annotator holds of a campaign: a question of a group, and one of gold."""
    world = make_world(admin)
    world.annotators.insert(0, User.objects.create_user("late", None, role=Role.ANNOTATOR))
    asked = lease(world.campaign, world.annotators[0], count=50, at=timezone.now(), rng=random.Random(3))
    return world, next(q for q in asked if q.comparison_id), next(q for q in asked if q.gold_id)


def in_a_thread(do):
    """Start it, and wait until the database has it waiting for a lock."""
    outcome = []

    def run():
        try:
            outcome.append(do())
        except Exception as error:
            outcome.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    while thread.is_alive():
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                break
    return thread, outcome


def answer(world, question, more=3):
    return answer_and_lease(
        vote_id=uuid.uuid4(), showing_id=question.pk, annotator=world.annotators[0], answer="left",
        response_ms=500, more=more, at=timezone.now(), rng=random.Random(4),
    )  # fmt: skip


def test_a_vote_that_waits_for_a_voided_comparison_is_refused_kindly(questions):
    world, of_group, of_gold = questions
    group = of_group.comparison.group_id
    for question, void, pk in ((of_group, void_group, group), (of_gold, void_gold, of_gold.gold_id)):
        with transaction.atomic():
            void(pk, Voided())
            voting, outcome = in_a_thread(lambda question=question: answer(world, question))
            assert voting.is_alive(), "It waits for what is being voided"
        voting.join()
        assert isinstance(outcome[0], NotShown)
        assert "removed" in str(outcome[0])
        with pytest.raises(NotShown):
            answer(world, question)
    assert list(differences(world.campaign)) == []


def test_a_vote_that_came_first_is_voided_with_the_rest_and_counted_for_her(questions):
    world, of_group, of_gold = questions
    her = world.annotators[0]
    group = of_group.comparison.group_id
    for question, void, pk in ((of_group, void_group, group), (of_gold, void_gold, of_gold.gold_id)):
        voided = Voided()
        with transaction.atomic():
            answer(world, question, more=0)
            live = Vote.objects.live().filter(annotator=her).count()
            before = sum(VoidedAnswers.objects.filter(annotator=her).values_list("answers", flat=True))
            voiding, outcome = in_a_thread(lambda void=void, pk=pk, voided=voided: void(pk, voided))
            assert voiding.is_alive(), "It waits for the vote"
        voiding.join()
        assert outcome == [None]
        left = Vote.objects.live().filter(annotator=her).count()
        kept = sum(VoidedAnswers.objects.filter(annotator=her).values_list("answers", flat=True))
        assert kept + left == live + before
        assert left < live
    assert not Group.objects.filter(pk=group).exists()
    assert list(differences(world.campaign)) == []
