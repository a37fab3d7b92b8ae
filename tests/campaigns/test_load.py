"""Nothing is lost, doubled or wrong: many annotators over HTTP, retries, hang-ups, killed web workers."""

import pytest
from django.db import connection

from annotate.accounts.models import Role, User
from annotate.campaigns.creation import create_campaign
from annotate.campaigns.gold import draw_gold_from_triplets
from annotate.campaigns.models import Assignment, Bracket, Comparison, Vote
from annotate.faces.models import Dataset, Face, ImportedTriplet
from tests.campaigns.invariants import violations
from tests.campaigns.load import Annotator, Habits, Record, Siege
from tests.web import WebClient, WebServer, logged_in

pytestmark = pytest.mark.django_db(transaction=True)
PER_SIDE = 32


def many_faces(anchors):
    """Rows of a data set in which each of so many faces is the anchor of 24 clean strong triplets."""
    dataset = Dataset.objects.create(name="crowd")
    faces = Face.objects.bulk_create(
        Face(
            dataset=dataset, key=f"crowd:{i:04}.jpg", image=f"{i:04}.jpg", crop=f"crowd/{i:04}.jpg",
            crop_sha256="0" * 64, identity=f"p{i}", known_expression=[float(i)],
        )
        for i in range(anchors + 2 * PER_SIDE)
    )  # fmt: skip
    positives, negatives = faces[anchors : anchors + PER_SIDE], faces[anchors + PER_SIDE :]
    ImportedTriplet.objects.bulk_create(
        ImportedTriplet(
            dataset=dataset, face_1=negatives[(i * 7 + a) % PER_SIDE], face_2=faces[a],
            face_3=positives[(a * 5 + i) % PER_SIDE], kind="TWO_CLASS_TRIPLET", split="train",
            raters=[f"r{rater}" for rater in range(6)], answers=[1, 1, 1, 1, 2, 0], odd=1,
            strength="strong", votes_for=4, votes_against=1,
        )
        for a in range(anchors)
        for i in range(24)
    )  # fmt: skip
    return dataset


def besiege(tmp_path, *, groups, k, number, kills, seconds, assignment=Assignment.SPREAD, habits):
    """Run it; returns the campaign and the record."""
    campaign = create_campaign(name="load", dataset=many_faces(groups), groups=groups, k=k, seed=3).campaign
    campaign.assignment, campaign.gold_rate = assignment, 0.05
    campaign.save()
    draw_gold_from_triplets(campaign, 50)
    people = User.objects.bulk_create(
        User(username=f"load-{i}", role=Role.ANNOTATOR, password="!") for i in range(number)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    record = Record()
    vanishing = max(1, round(number * habits.vanishing))
    with WebServer(tmp_path / "web.log") as server:
        annotators = [
            Annotator(
                person.pk, WebClient(server.address, logged_in(person)), campaign.pk, habits, record,
                votes_before_vanishing=1 + 3 * place if place < vanishing else None, seed=place,
            )
            for place, person in enumerate(people)
        ]  # fmt: skip
        Siege(campaign, server, annotators, record, kills, seconds).run()
        assert not any(annotator.is_alive() for annotator in annotators), server.said()
        if record.faults:
            record.faults.append(server.said())
    return campaign, record


def check(campaign, record, capsys):
    votes = Vote.objects.filter(campaign=campaign)
    counts = record.counts | {
        "comparisons decided": Comparison.objects.filter(campaign=campaign, winner__isnull=False).count(),
        "ties": Comparison.objects.filter(campaign=campaign, is_tie=True).count(),
        "votes acknowledged": len(record.told),
        "votes stored": votes.count(),
        "gold votes": votes.filter(gold__isnull=False).count(),
        "late votes": votes.filter(counts=False, gold__isnull=True).count(),
        "stand-in votes": votes.filter(is_stand_in=True).count(),
        "undone": len(record.undone),
    }
    found = list(violations(campaign, record))
    with capsys.disabled():
        print("\n" + "\n".join(f"{number:8,}  {what}" for what, number in sorted(counts.items())))
        print("\n".join([f"{len(found):8,}  violations", *found]))
    assert found == []
    brackets = Bracket.objects.filter(group__campaign=campaign)
    assert not brackets.filter(finished_at__isnull=True).exists()
    assert not Comparison.objects.filter(campaign=campaign).open().exists()
    return counts


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "assignment",
    [
        pytest.param(Assignment.SPREAD, marks=pytest.mark.concurrency),
        pytest.param(Assignment.WHOLE, marks=pytest.mark.load),
    ],
)
def test_a_small_crowd(tmp_path, capsys, assignment):
    campaign, record = besiege(
        tmp_path, groups=6, k=8, number=16, kills=2, seconds=90, assignment=assignment,
        habits=Habits(longest_pause=0.4, uncertain=0.1, sent_again=0.1, undone=0.05, vanishing=0.07),
    )  # fmt: skip
    counts = check(campaign, record, capsys)
    assert counts["comparisons decided"] == 6 * 3 * 7
    assert counts["web workers killed"] == counts["servers killed and started again"] == 1
    assert counts["annotators vanished"] == 1


@pytest.mark.load
@pytest.mark.timeout(3600)
def test_two_hundred_annotators(tmp_path, capsys):
    campaign, record = besiege(
        tmp_path, groups=300, k=16, number=200, kills=20, seconds=3000, habits=Habits()
    )
    counts = check(campaign, record, capsys)
    assert counts["comparisons decided"] == 13_500
    assert counts["web workers killed"] == counts["servers killed and started again"] == 10
    assert counts["annotators vanished"] == 4
