"""Flags in place of an answer: a broken picture, or a person whom she knows."""

import random
import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from annotate.campaigns.leases import lease
from annotate.campaigns.models import Answer, Comparison, Flag, Gold, Relation, Showing, Vote
from annotate.campaigns.quality import annotator_quality
from annotate.campaigns.retraction import undo
from annotate.campaigns.verification import differences
from annotate.campaigns.voting import NotInIt, cast_vote


def ask(campaign, annotator, count=1, **more):
    at = more.pop("at", timezone.now())
    return lease(campaign, annotator, count=count, at=at, rng=random.Random(1), **more)


def flag(annotator, question, kind=Flag.BROKEN, face=None, vote_id=None):
    return cast_vote(
        vote_id=vote_id or uuid.uuid4(), showing_id=question.pk, annotator=annotator, answer=Answer.UNCERTAIN,
        response_ms=900, at=timezone.now(), flag=kind, flagged_face=face or question.anchor_id,
    ).vote  # fmt: skip


def test_a_flag_decides_nothing_and_others_are_asked(campaign, annotators, vote):
    anna, bert = annotators[:2]
    [question] = ask(campaign, anna, repetitions=[1])
    flagged = flag(anna, question, face=question.left_id)
    assert (flagged.counts, flagged.flag, flagged.flagged_face_id) == (False, "broken", question.left_id)
    comparison = question.comparison
    comparison.refresh_from_db()
    assert (comparison.winner, comparison.uncertain, comparison.leased_to) == (None, 0, None)
    assert question.comparison_id not in {q.comparison_id for q in ask(campaign, anna, 50)}
    [asked] = [q for q in ask(campaign, bert, 50, repetitions=[1]) if q.comparison_id == comparison.pk]
    assert vote(bert, asked).vote.counts
    comparison.refresh_from_db()
    assert comparison.winner is not None
    assert [r.uncertain for r in Relation.objects.filter(comparison=comparison)] == [[]]
    assert list(differences(campaign)) == []


def test_flags_make_no_tie_and_where_all_have_flagged_an_admin_settles(campaign, annotators):
    campaign.max_uncertain = 2
    campaign.save()
    for annotator in annotators:
        assert ask(campaign, annotator)
    [question] = ask(campaign, annotators[0])
    comparison = question.comparison
    waiting = Comparison.objects.filter(pk=comparison.pk).waiting()
    for annotator in annotators:
        assert not waiting.exists()
        shown, _ = Showing.objects.get_or_create(
            comparison=comparison, annotator=annotator, defaults={"low_is_left": True}
        )
        flag(annotator, type("Q", (), {"pk": shown.pk, "anchor_id": question.anchor_id}))
    comparison.refresh_from_db()
    assert (comparison.winner, comparison.is_tie, comparison.uncertain) == (None, False, 0)
    assert waiting.exists()
    assert list(differences(campaign)) == []


def test_an_undone_flag_asks_her_again(campaign, annotators, vote):
    anna = annotators[0]
    [question] = ask(campaign, anna)
    flagged = flag(anna, question)
    now = timezone.now()
    undo(flagged.pk, annotator=anna, at=now, lease_until=now + timedelta(minutes=2))
    again = next(q for q in ask(campaign, anna, 9) if q.comparison_id == question.comparison_id)
    assert (again.left_id, again.right_id) == (question.left_id, question.right_id)
    assert vote(anna, again).vote.counts


def test_an_undone_flag_takes_nothing_from_whoever_is_asked_instead(campaign, annotators):
    anna, bert = annotators[:2]
    [question] = ask(campaign, anna)
    flagged = flag(anna, question)
    Comparison.objects.filter(pk=question.comparison_id).update(
        leased_to=bert, leased_until=timezone.now() + timedelta(minutes=1)
    )
    undo(flagged.pk, annotator=anna, at=timezone.now(), lease_until=timezone.now() + timedelta(minutes=2))
    assert Comparison.objects.get(pk=question.comparison_id).leased_to == bert


def test_flags_are_listed_by_face_and_are_in_no_figure_of_her_answers(campaign, annotators, vote):
    anna = annotators[0]
    first, second, third = ask(campaign, anna, 3)
    flag(anna, first, Flag.BROKEN, first.right_id)
    flag(anna, second, Flag.KNOWN, second.anchor_id)
    vote(anna, third)
    assert list(Vote.objects.flagged_broken().values_list("flagged_face", flat=True)) == [first.right_id]
    assert list(Vote.objects.flagged_known().values_list("flagged_face", flat=True)) == [second.anchor_id]
    [quality] = annotator_quality(campaign)
    assert (quality.votes, quality.flagged, quality.uncertain.count, quality.uncertain.n) == (1, 2, 0, 1)
    assert (quality.left.n, quality.too_fast.n) == (1, 1)


def test_gold_can_be_flagged(campaign, annotators):
    anna = annotators[0]
    faces = list(campaign.dataset.faces.all()[:3])
    gold = Gold.objects.create(campaign=campaign, anchor=faces[0], nearer=faces[1], farther=faces[2])
    shown = Showing.objects.create(gold=gold, annotator=anna, low_is_left=True)
    flag(anna, type("Q", (), {"pk": shown.pk}), face=faces[1].pk)
    [quality] = annotator_quality(campaign)
    assert (quality.flagged, quality.gold.n) == (1, 0)


def test_only_a_face_that_was_shown_can_be_flagged(campaign, annotators):
    [question] = ask(campaign, annotators[0])
    shown = {question.anchor_id, question.left_id, question.right_id}
    other = campaign.dataset.faces.exclude(pk__in=shown).first()
    with pytest.raises(NotInIt):
        flag(annotators[0], question, face=other.pk)
    assert not Vote.objects.exists()


@pytest.mark.parametrize(
    "wrong", [{"counts": True}, {"answer": "left"}, {"flagged_face": None}, {"flag": None}, {"flag": "dull"}]
)
def test_the_database_refuses_a_flag_that_counts_or_names_nothing(campaign, annotators, wrong):
    [question] = ask(campaign, annotators[0])
    flagged = flag(annotators[0], question)
    with pytest.raises(IntegrityError, match="vote_flag_decides_nothing"), transaction.atomic():
        Vote.objects.filter(pk=flagged.pk).update(**wrong)


def test_flags_over_the_api(campaign, annotators):
    client = APIClient()
    client.force_authenticate(annotators[0])
    data = client.post(f"/api/campaigns/{campaign.pk}/leases", {"count": 2}, format="json").data
    first = data["comparisons"][0]
    told = {"id": str(uuid.uuid4()), "showing": first["id"], "answer": "uncertain", "flag": "known"}
    face = first["left"]["face"]
    for bad in (
        {}, {"flagged_face": "left"}, {"flagged_face": face, "answer": "left"},
        {"flagged_face": face, "flag": None}, {"flag": "dull", "flagged_face": face},
    ):  # fmt: skip
        assert client.post("/api/votes", told | bad, format="json").status_code == 400
    refused = client.post("/api/votes", told | {"flagged_face": 10**9}, format="json")
    assert (refused.status_code, refused.data["code"]) == (409, "not_in_it")
    good = told | {"flagged_face": face, "more": 1}
    stored = client.post("/api/votes", good, format="json")
    assert (stored.status_code, stored.data["in_time"], len(stored.data["comparisons"])) == (201, True, 1)
    assert client.post("/api/votes", good, format="json").status_code == 200
    progress = client.get(f"/api/campaigns/{campaign.pk}/progress").data
    assert (progress["mine"], progress["decided"]) == (1, 0)
