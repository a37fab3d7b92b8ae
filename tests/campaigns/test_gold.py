"""Gold comparisons: where they come from, how they are mixed in, and that they touch no bracket."""

import random

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from annotate.campaigns.gold import draw_gold_from_triplets
from annotate.campaigns.leases import lease
from annotate.campaigns.models import Answer, Comparison, Gold, Purpose, Relation, Showing, Vote
from annotate.campaigns.retraction import undo
from annotate.campaigns.verification import differences
from annotate.campaigns.voting import AlreadyAnswered
from annotate.faces.models import Strength


@pytest.fixture
def gold(campaign):
    campaign.gold_rate = 0.5
    campaign.save()
    draw_gold_from_triplets(campaign, 10)
    return campaign


def ask(campaign, annotator, count, seed=1):
    return lease(campaign, annotator, count=count, at=timezone.now(), rng=random.Random(seed))


def test_gold_comes_from_strong_triplets_and_the_same_again_adds_nothing(campaign):
    assert draw_gold_from_triplets(campaign, 10) == 10
    assert draw_gold_from_triplets(campaign, 10) == 0
    for one in Gold.objects.select_related("imported_triplet"):
        triplet = one.imported_triplet
        assert triplet.strength == Strength.STRONG
        assert one.farther_id == (triplet.face_1_id, triplet.face_2_id, triplet.face_3_id)[triplet.odd - 1]


def test_gold_is_mixed_in_and_looks_like_any_other(gold, annotators):
    questions = ask(gold, annotators[0], 16)
    assert len(questions) == 16
    mixed = [q for q in questions if q.comparison is None]
    assert 2 <= len(mixed) <= 10
    again = ask(gold, annotators[0], 16, seed=2)
    assert {q.pk for q in again} == {q.pk for q in questions}


def test_a_vote_on_gold_counts_nowhere_and_once(gold, annotators, vote):
    anna = annotators[0]
    question = next(q for q in ask(gold, anna, 16) if q.comparison is None)
    showing = Showing.objects.select_related("gold").get(pk=question.pk)
    answer = Answer.LEFT if question.left_id == showing.gold.nearer_id else Answer.RIGHT
    cast = vote(anna, question, answer)
    assert cast.vote.names_nearer
    assert not cast.vote.counts
    assert not Relation.objects.exists()
    assert not Comparison.objects.filter(winner__isnull=False).exists()
    with pytest.raises(AlreadyAnswered):
        vote(anna, question, answer)
    now = timezone.now()
    undo(cast.vote.pk, annotator=anna, at=now, lease_until=now)
    assert question.pk in {q.pk for q in ask(gold, anna, 16)}
    assert vote(anna, question, Answer.UNCERTAIN).vote.names_nearer is None
    assert list(differences(gold)) == []


def test_no_gold_once_nothing_else_is_asked(gold, annotators, vote):
    for annotator in annotators:
        while questions := ask(gold, annotator, 10):
            for question in questions:
                vote(annotator, question)
    for annotator in annotators:
        assert ask(gold, annotator, 5) == []
    assert Vote.objects.filter(gold__isnull=False).exists()


def test_the_database_refuses_gold_of_two_faces(campaign):
    face = campaign.dataset.faces.first()
    with pytest.raises(IntegrityError, match="gold_three_faces"), transaction.atomic():
        Gold.objects.create(campaign=campaign, anchor=face, nearer=face, farther=face)


def test_an_admin_marks_gold_from_a_file(campaign, admin, tmp_path, capsys):
    path = tmp_path / "gold.csv"
    path.write_text("anchor,nearer,farther\nline:000.jpg,line:001.jpg,line:050.jpg\n")
    call_command("add_gold", "c", file=path, by=admin.username, rate=0.1)
    assert "1 gold comparisons added" in capsys.readouterr().out
    assert Gold.objects.get().marked_by == admin
    campaign.refresh_from_db()
    assert campaign.gold_rate == 0.1


def test_gold_has_one_purpose(campaign, capsys):
    call_command("add_gold", "c", "--triplets=10", "--purpose=practice")
    assert "10 of this purpose (practice)" in capsys.readouterr().out
    practised = set(campaign.gold.values_list("imported_triplet", flat=True))
    assert draw_gold_from_triplets(campaign, 10) == 10
    hidden = campaign.gold.filter(purpose=Purpose.HIDDEN)
    assert not practised & set(hidden.values_list("imported_triplet", flat=True))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("anchor,nearer\nx,y\n", "no column farther"),
        ("anchor,nearer,farther\nline:000.jpg,line:001.jpg,none\n", "row 1: there is no face none"),
        ("anchor,nearer,farther\nline:000.jpg,line:001.jpg,line:001.jpg\n", "three different"),
        ("anchor,nearer,farther\nline:000.jpg,line:001.jpg,line:002.jpg\nline:000.jpg\n", "row 2"),
        (b"\xff\xfe\x00", "can not be read"),
    ],
)
def test_a_bad_file_adds_nothing(campaign, admin, tmp_path, text, reason):
    path = tmp_path / "gold.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CommandError, match=reason):
        call_command("add_gold", "c", file=path, by=admin.username)
    assert not Gold.objects.exists()
