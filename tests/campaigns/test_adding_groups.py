"""Groups are added to a campaign that is under way, also while annotators compare."""

import random
import threading
import uuid

import pytest
from django.db import connections
from django.utils import timezone

from annotate.accounts.models import Role, User
from annotate.campaigns.creation import add_groups, create_campaign
from annotate.campaigns.drawing import DrawFrom, DrawnGroup, draws, source_of
from annotate.campaigns.leases import lease
from annotate.campaigns.models import Answer, Bracket, Comparison, Group
from annotate.campaigns.verification import differences
from annotate.campaigns.voting import cast_vote
from annotate.faces.models import ImportedTriplet


def more(campaign, count, seed=9):
    """As a campaign draws, of the anchors that are free."""
    taken = set(campaign.groups.values_list("anchor", flat=True))
    found = draws(campaign.dataset, campaign.k, random.Random(seed), source_of(campaign), taken)
    return [drawn for drawn in found if drawn is not None][:count]


@pytest.fixture
def small(dataset):
    return create_campaign(name="c", dataset=dataset, groups=2, k=2, seed=5, gold=3).campaign


def test_they_follow_the_others_with_brackets_and_first_rounds_of_their_own(small):
    before = list(Comparison.objects.values_list("pk", "low", "high"))
    gold = list(small.gold.values())
    drawn = more(small, 3)
    added = add_groups(small, drawn)
    assert [group.index for _, group in added] == [3, 4, 5]
    assert [one for one, _ in added] == drawn
    for one, group in added:
        assert (group.anchor_id, group.split) == (one.anchor, one.split)
        assert [
            (c.positive_id, c.negative_id, c.imported_triplet_id) for c in group.candidates.order_by("slot")
        ] == [(pair.positive, pair.negative, pair.triplet) for pair in one.candidates]
        assert group.brackets.count() == small.repetitions
        assert group.comparisons.count() == small.repetitions * small.k // 2
    assert len(set(Bracket.objects.values_list("seed", flat=True))) == 5 * small.repetitions
    assert list(Comparison.objects.filter(group__index__lte=2).values_list("pk", "low", "high")) == before
    assert list(small.gold.values()) == gold


def test_what_is_taken_or_set_aside_by_now_is_left_out(small, curator):
    taken, aside, *rest = more(small, 20)
    add_groups(small, [taken])
    face = aside.candidates[0].negative
    kept = next(one for one in rest if face not in {pair.negative for pair in one.candidates})
    small.dataset.faces.filter(pk=face).update(
        status="set_aside", set_aside_reason="other", set_aside_by=curator, set_aside_at=timezone.now()
    )
    assert [one for one, _ in add_groups(small, [taken, aside, kept, kept])] == [kept]
    assert small.groups.count() == 4


def test_a_campaign_knows_what_it_was_drawn_from(dataset):
    triplets = create_campaign(name="t", dataset=dataset, groups=1, k=4, draw_from=DrawFrom.TRIPLETS)
    labels = create_campaign(name="l", dataset=dataset, groups=1, k=4, draw_from=DrawFrom.LABELS)
    assert source_of(triplets.campaign) == DrawFrom.TRIPLETS
    assert source_of(labels.campaign) == DrawFrom.LABELS


@pytest.mark.parametrize("draw_from", [DrawFrom.TRIPLETS, DrawFrom.LABELS])
def test_anchors_that_are_left_out_are_never_drawn(dataset, draw_from):
    every = [one.anchor for one in draws(dataset, 4, random.Random(1), draw_from) if one]
    out = set(every[::2])
    left = [one.anchor for one in draws(dataset, 4, random.Random(1), draw_from, out) if one]
    assert left
    assert set(left) == set(every) - out


def test_a_gap_in_the_numbers_is_not_filled(small):
    small.groups.get(index=1).delete()
    [(_, group)] = add_groups(small, more(small, 1))
    assert group.index == 3


@pytest.mark.django_db(transaction=True)
def test_annotators_go_on_while_groups_are_added(dataset):
    ImportedTriplet.objects.all().delete()
    campaign = create_campaign(name="c", dataset=dataset, groups=2, k=4, repetitions=1, seed=5).campaign
    drawn = more(campaign, 12)
    people = [User.objects.create_user(f"a{i}", None, role=Role.ANNOTATOR) for i in range(4)]
    errors, adding_is_done = [], threading.Event()

    def guarded(work, *arguments):
        try:
            work(*arguments)
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    def annotate(person):
        rng = random.Random(person.pk)
        questions = lease(campaign, person, count=2, at=timezone.now(), rng=rng)
        while questions or not adding_is_done.is_set():
            for question in questions[:1]:
                said = rng.choice([Answer.LEFT, Answer.RIGHT])
                cast_vote(
                    vote_id=uuid.UUID(int=rng.getrandbits(128)), showing_id=question.pk, annotator=person,
                    answer=said, response_ms=900, at=timezone.now(),
                )  # fmt: skip
            questions = lease(campaign, person, count=2, at=timezone.now(), rng=rng)

    def add(part):
        # Two at once, with one group in common.
        for one in part:
            add_groups(campaign, [one])

    adding = [threading.Thread(target=guarded, args=(add, part)) for part in (drawn[:7], drawn[6:])]
    annotating = [threading.Thread(target=guarded, args=(annotate, person)) for person in people]
    for thread in (*annotating, *adding):
        thread.start()
    for thread in adding:
        thread.join(60)
    adding_is_done.set()
    for thread in annotating:
        thread.join(60)
    assert errors == []
    assert list(Group.objects.order_by("index").values_list("index", flat=True)) == list(range(1, 15))
    assert not Comparison.objects.open().exists()
    assert list(differences(campaign)) == []


def test_a_drawn_group_of_the_validation_split_stays_of_it(small):
    [one] = more(small, 1)
    [(_, group)] = add_groups(small, [DrawnGroup(one.anchor, "val", one.candidates)])
    assert group.split == "val"
