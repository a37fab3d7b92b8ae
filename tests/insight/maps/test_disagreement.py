"""A face's disagreement against a plain computation over every pair of answers."""

import itertools
import random
from collections import defaultdict

import pytest
from django.utils import timezone

from annotate.accounts.models import User
from annotate.campaigns.creation import create_campaign
from annotate.campaigns.models import Vote
from annotate.campaigns.retraction import discard_votes
from annotate.campaigns.simulation import simulate, simulated_annotators
from annotate.insight.disagreement import disagreement
from annotate.tournament.simulator import Manner
from tests.factories import make_dataset, make_imported_triplet
from tests.insight.maps.conftest import make_rows


def differing(answers):
    """The share of pairs of them that differ."""
    pairs = list(itertools.combinations(answers, 2))
    return sum(one != other for one, other in pairs) / len(pairs)


def means(questions, least):
    return {face: (sum(d) / len(d), len(d)) for face, d in questions.items() if len(d) >= least}


def found(datasets, least):
    rows = disagreement([one.pk for one in datasets], least)
    return {face: (value, questions) for face, value, questions in rows}


def test_of_imported_triplets(dataset):
    rng = random.Random(1)
    faces = list(dataset.faces.order_by("pk"))
    questions = defaultdict(list)
    for _ in range(40):
        trio = rng.sample(faces, 3)
        answers = [rng.choice([0, 1, 2, 3, 3]) for _ in range(rng.choice([2, 6, 7]))]
        if not any(answers):
            continue
        make_imported_triplet(trio, answers)
        said = [answer for answer in answers if answer]
        if len(said) >= 2:
            for face in trio:
                questions[face.pk].append(differing(said) / (2 / 3))
    elsewhere = make_rows(make_dataset("other"), 3)
    make_imported_triplet(elsewhere)
    for least in (1, 3):
        expected = means(questions, least)
        assert found([dataset], least) == {
            face: (pytest.approx(value), count) for face, (value, count) in expected.items()
        }


def test_of_votes(dataset, admin):
    campaign = create_campaign(name="c", dataset=dataset, groups=2, k=4, repetitions=3, seed=1).campaign
    simulate(campaign, simulated_annotators(campaign, 5), Manner(flip=0.3), seed=1)
    taken_back = User.objects.filter(votes__campaign=campaign).first()
    discard_votes(campaign, taken_back, admin=admin, at=timezone.now())
    said = defaultdict(list)
    for vote in Vote.objects.live().filter(campaign=campaign, gold=None).select_related("group"):
        if vote.winner is not None:
            said[vote.group, vote.low, vote.high].append(vote.winner)
    questions = defaultdict(list)
    for (group, *slots), winners in said.items():
        if len(winners) >= 2:
            shown = [group.candidates.get(slot=slot).positive_id for slot in slots]
            for face in [group.anchor_id, *shown]:
                questions[face].append(differing(winners) / (1 / 2))
    assert questions
    assert found([dataset], 1) == {
        face: (pytest.approx(value), count) for face, (value, count) in means(questions, 1).items()
    }


def test_where_nobody_answered_nothing_is_known(dataset):
    assert disagreement([dataset.pk]) == []
