"""Answers: stored once, never lost, taken back in order; and what erasing a person takes out."""

import threading
import uuid

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from annotate.accounts.consent import consent_is_missing, publish, record_consent, save_draft
from annotate.curation.erasing import ask_for_erasure, erase
from annotate.faces.models import Face
from annotate.insight.models import StudyShowing, StudyVote
from annotate.insight.studies import close
from annotate.insight.study_figures import casts_of, figures_of
from annotate.insight.study_voting import (
    AlreadyAnswered,
    Closed,
    IdUsed,
    NotShown,
    UndoRefused,
    Void,
    next_showings,
    progress_of,
    undo_study_vote,
)
from tests.insight.studies.world import answer, answer_all, come, comparison


def test_she_is_shown_each_comparison_once_in_her_order(study, annotators):
    participant = come(study, annotators[0])
    seen = []
    while shown := next_showings(participant, 2):
        again = next_showings(participant, 2)
        assert [one.showing for one in again] == [one.showing for one in shown]
        answer(shown[0].showing, annotators[0], "left")
        seen.append(shown[0].showing)
    assert seen == list(participant.showings.order_by("place").values_list("pk", flat=True))
    # So that ids tell nothing that her order does not.
    assert seen == sorted(seen)
    progress = progress_of(participant)
    assert (progress.answered, progress.total) == (4, 4)


def test_what_is_shown_are_the_frozen_lists_on_their_sides(study, annotators):
    for shown in next_showings(come(study, annotators[0]), 10):
        showing = StudyShowing.objects.select_related("comparison__query").get(pk=shown.showing)
        one, other = (
            list(
                showing.comparison.query.results.filter(contender=contender)
                .order_by("rank")
                .values_list("face", flat=True)
            )
            for contender in (showing.comparison.one, showing.comparison.other)
        )
        assert (shown.left, shown.right) == ((one, other) if showing.one_is_left else (other, one))
        assert shown.query == showing.comparison.query.face_id


def test_the_same_vote_again_counts_once(study, annotators):
    [shown, second] = next_showings(come(study, annotators[0]), 2)
    vote_id = uuid.uuid4()
    assert answer(shown.showing, annotators[0], "left", vote_id=vote_id)[1]
    vote, is_new = answer(shown.showing, annotators[0], "right", vote_id=vote_id)
    assert (vote.answer, is_new) == ("left", False)
    with pytest.raises(AlreadyAnswered):
        answer(shown.showing, annotators[0], "left")
    with pytest.raises(IdUsed):
        answer(second.showing, annotators[0], "left", vote_id=vote_id)
    assert StudyVote.objects.count() == 1


def test_nobody_answers_for_another(study, annotators):
    [shown] = next_showings(come(study, annotators[0]), 1)
    come(study, annotators[1])
    for showing in (shown.showing, 10**6):
        with pytest.raises(NotShown):
            answer(showing, annotators[1], "left")


def test_one_live_vote_is_held_by_the_database(study, annotators):
    [shown] = next_showings(come(study, annotators[0]), 1)
    answer(shown.showing, annotators[0], "left")
    with pytest.raises(IntegrityError, match="study_vote_once"), transaction.atomic():
        StudyVote.objects.create(
            pk=uuid.uuid4(), showing_id=shown.showing, answer="right", created_at=timezone.now()
        )


@pytest.mark.django_db(transaction=True)
def test_two_tabs_at_once_store_one(study, annotators):
    [shown] = next_showings(come(study, annotators[0]), 1)
    outcomes = []

    def cast():
        try:
            outcomes.append(answer(shown.showing, annotators[0], "left")[1])
        except AlreadyAnswered:
            outcomes.append("answered")
        finally:
            connection.close()

    threads = [threading.Thread(target=cast) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes)) == ["True", "answered", "answered", "answered"]


def test_after_the_study_is_closed(study, annotators):
    [shown, second] = next_showings(come(study, annotators[0]), 2)
    vote, _ = answer(shown.showing, annotators[0], "left")
    close(study, timezone.now())
    with pytest.raises(Closed):
        answer(second.showing, annotators[0], "left")
    with pytest.raises(Closed):
        undo_study_vote(vote.pk, user=annotators[0], at=timezone.now())
    # One that was stored is acknowledged all the same: its acknowledgement may have been lost.
    assert answer(shown.showing, annotators[0], "left", vote_id=vote.pk)[1] is False


def test_undo_takes_back_the_last_and_asks_it_again(study, annotators):
    user = annotators[0]
    participant = come(study, user)
    shown = next_showings(participant, 2)
    first, second = (answer(one.showing, user, "left")[0] for one in shown)
    with pytest.raises(UndoRefused):
        undo_study_vote(first.pk, user=user, at=timezone.now())
    with pytest.raises(StudyVote.DoesNotExist):
        undo_study_vote(second.pk, user=annotators[1], at=timezone.now())
    for _ in range(2):
        assert undo_study_vote(second.pk, user=user, at=timezone.now()).retracted_at is not None
    undo_study_vote(first.pk, user=user, at=timezone.now())
    assert next_showings(participant, 2) == shown
    answer(shown[0].showing, user, "right")
    assert [cast.answer for cast in casts_of(study)] == ["right"]


def test_only_the_last_ten_can_be_taken_back(dataset, versions, admin, annotators):
    from tests.insight.studies.world import make_study

    study = make_study(dataset, versions, admin, queries=list(dataset.faces.order_by("pk")[:12]))
    shown = next_showings(come(study, annotators[0]), 12)
    votes = [answer(one.showing, annotators[0], "left")[0] for one in shown]
    for vote in reversed(votes[2:]):
        undo_study_vote(vote.pk, user=annotators[0], at=timezone.now())
    with pytest.raises(UndoRefused):
        undo_study_vote(votes[1].pk, user=annotators[0], at=timezone.now())


@pytest.mark.parametrize("keep", [True, False])
def test_who_withdraws_her_consent_says_whether_her_answers_stay(client, study, annotators, admin, keep):
    text = publish(save_draft("We keep your answers.", "").pk, by=admin, at=timezone.now())
    for user in annotators[:2]:
        record_consent(user, text.pk, "en", timezone.now())
        answer_all(study, user, lambda showing: "one")
    client.force_login(annotators[0])
    address = reverse("consent-withdraw")
    assert "your 4 answers" in client.get(address).content.decode()
    client.post(address, {"answers": "keep" if keep else "discard"})
    assert consent_is_missing(annotators[0])
    if keep:
        assert {cast.user for cast in casts_of(study)} == {user.pk for user in annotators[:2]}
        return
    assert {cast.user for cast in casts_of(study)} == {annotators[1].pk}


def erase_person(face, admin):
    asked = ask_for_erasure(
        dataset=face.dataset, identity=face.identity, reason="Withdrew", admin=admin, at=timezone.now()
    )
    assert erase(asked.pk, wait=lambda seconds: None)
    assert not Face.objects.filter(identity=face.identity).exists()


@pytest.mark.django_db(transaction=True)
def test_an_erased_query_is_void_and_its_votes_leave_the_figures(
    study, annotators, admin, settings, tmp_path
):
    settings.SNAPSHOTS_DIR, settings.RUNS_DIR = tmp_path / "snapshots", tmp_path / "runs"
    answer_all(study, annotators[0], lambda showing: "one")
    before = figures_of(study, casts_of(study))
    assert (before.total, before.void, before.asked) == (4, 0, 4)
    erase_person(study.queries.get(number=2).face, admin)
    after = figures_of(study, casts_of(study))
    voided = 4 - after.asked
    assert after.void == voided >= 1
    assert after.total == 4 - voided
    row = after.queries[1]
    assert (row.face, row.is_void, row.total) == (None, True, 0)
    assert StudyVote.objects.count() == 4


def test_an_erased_result_voids_the_comparisons_that_show_it(study, annotators):
    participant = come(study, annotators[0])
    hit = comparison(study, 3)
    held = {one.showing for one in next_showings(participant, 10)}
    showing = participant.showings.get(comparison=hit)
    found = hit.query.results.filter(contender=hit.one).get(rank=2).face
    also = set(participant.showings.filter(comparison__query__face=found).values_list("pk", flat=True)) | set(
        participant.showings.filter(comparison__query__results__face=found).values_list("pk", flat=True)
    )
    found.delete()
    with pytest.raises(Void):
        answer(showing.pk, annotators[0], "left")
    left = {one.showing for one in next_showings(participant, 10)}
    assert left == held - also
    assert progress_of(participant).total == len(left)
