"""The active version proposes groups to a campaign: which ones, once, and what is said where it can not."""

from datetime import timedelta

import pytest

from annotate.campaigns.creation import create_campaign
from annotate.faces.models import ImportedTriplet
from annotate.training.models import Embedding, Proposal, ProposedGroup, Snapshot
from annotate.training.proposals import ask_for_proposal, make_proposal, overdue_proposals
from annotate.training.proposing import CannotPropose, draft
from annotate.training.sources import history
from annotate.training.tasks import propose_groups
from annotate.training.versions import promote
from tests.at_once import at_once
from tests.training.proposals.line import NOW, K, embed, proposed
from tests.training.registry import make_version


def test_a_proposal_adds_its_groups_once(campaign, version):
    before = set(campaign.groups.values_list("anchor", flat=True))
    proposal = proposed(campaign)
    assert proposal.ended_at and not proposal.error
    groups = list(ProposedGroup.objects.filter(proposal=proposal).select_related("group"))
    assert sum(one.is_random for one in groups) == 2
    assert len(groups) == 4
    assert all((one.score is None) == one.is_random for one in groups)
    assert not before & {one.group.anchor_id for one in groups}
    assert {one.group.split for one in groups if not one.is_random} == {"train"}
    for one in groups:
        faces = [one.group.anchor_id]
        for candidate in one.group.candidates.select_related("imported_triplet"):
            faces += [candidate.positive_id, candidate.negative_id]
            triplet = candidate.imported_triplet
            assert triplet.face_3_id == candidate.negative_id
            assert {triplet.face_1_id, triplet.face_2_id} == {one.group.anchor_id, candidate.positive_id}
        assert len(set(faces)) == 2 * K + 1
    assert not make_proposal(proposal.pk, NOW), "the same message again"
    assert campaign.groups.count() == 8
    assert history(campaign) == [{"proposal": proposal, "proposed": 2, "random": 2}]


def test_the_task_makes_it_and_the_same_seed_drafts_the_same(campaign, version):
    one, again, other = (draft(campaign, version, 4, 0.5, seed) for seed in (3, 3, 4))
    assert one == again
    assert one.drawn != other.drawn
    proposal = ask_for_proposal(campaign, groups=4, random_share=0.5, seed=3, by=None, at=NOW)
    propose_groups(proposal_id=proposal.pk)
    anchors = {group.anchor for group in one.drawn} | {group.anchor for group, _ in one.proposed}
    assert set(proposal.groups.values_list("group__anchor", flat=True)) == anchors


def test_the_random_share_does_not_look_at_the_version(campaign, version):
    before = draft(campaign, version, 4, 0.5, 3).drawn
    Embedding.objects.all().delete()
    embed(version, campaign.dataset, moved=lambda place: -(place**2))
    assert draft(campaign, version, 4, 0.5, 3).drawn == before
    Embedding.objects.all().delete()
    assert len(draft(campaign, version, 3, 1.0, 3).drawn) == 3, "a random share of all needs no embeddings"


def test_it_proposes_where_it_contradicts_the_annotators(campaign, version):
    # It takes one train face, that may be an anchor still, for somebody at the other end of the line.
    taken = campaign.groups.values_list("anchor", flat=True)
    free = list(campaign.dataset.faces.filter(split="train").exclude(pk__in=taken))
    wrong = next(face for face in free if face.known_expression[0] < 2)
    Embedding.objects.filter(face=wrong).update(vector=[9.5, *[0.0] * 15])
    [(group, score), *_] = draft(campaign, version, 1, 0.0, 0).proposed
    assert group.anchor == wrong.pk
    assert score > 0.5


def test_labels_give_groups_where_there_are_no_triplets(dataset, version):
    ImportedTriplet.objects.all().delete()
    for face in dataset.faces.all():
        face.expression = "low" if face.known_expression[0] < 5 else "high"
        face.save()
    campaign = create_campaign(name="labels", dataset=dataset, groups=2, k=K, repetitions=1).campaign
    proposal = proposed(campaign)
    assert proposal.groups.count() == 4
    for one in proposal.groups.select_related("group__anchor"):
        for candidate in one.group.candidates.select_related("positive", "negative"):
            assert candidate.positive.expression == one.group.anchor.expression
            assert candidate.negative.expression != one.group.anchor.expression
            assert candidate.imported_triplet is None


def test_what_is_missing_is_said(campaign, dataset, admin, folders):
    with pytest.raises(CannotPropose, match="No model version is active"):
        ask_for_proposal(campaign, groups=4, random_share=0.2, seed=0, by=admin, at=NOW)
    snapshot = Snapshot.objects.create(name="s", dataset=dataset, folder="s", sha256="0" * 64, counts={})
    promote(make_version(snapshot), admin, "", NOW)
    proposal = proposed(campaign)
    assert "no embeddings of data set line yet" in proposal.error
    assert proposal.ended_at
    assert campaign.groups.count() == 4
    with pytest.raises(CannotPropose, match="1 to 5000 groups"):
        ask_for_proposal(campaign, groups=0, random_share=0.2, seed=0, by=admin, at=NOW)
    with pytest.raises(CannotPropose, match="random share from 0 to 1"):
        ask_for_proposal(campaign, groups=1, random_share=1.2, seed=0, by=admin, at=NOW)


def test_faces_without_embeddings_are_in_no_proposed_group(campaign, version):
    unknown = set(campaign.dataset.faces.filter(split="train").values_list("pk", flat=True)[:5])
    Embedding.objects.filter(face__in=unknown).delete()
    found = draft(campaign, version, 20, 0.0, 0)
    assert found.unknown == 5
    assert found.proposed
    for group, _ in found.proposed:
        assert not unknown & {group.anchor, *(f for p in group.candidates for f in (p.positive, p.negative))}


def test_no_more_anchors_is_said(campaign, version):
    assert proposed(campaign, groups=200, share=0.5).groups.count() < 60
    assert "can fill one of 4 candidates" in proposed(campaign, groups=20, share=1.0).error


def test_one_at_a_time_and_lost_messages_are_sent_again(campaign, version, admin):
    proposal = ask_for_proposal(campaign, groups=1, random_share=0.0, seed=0, by=admin, at=NOW)
    with pytest.raises(CannotPropose, match="already"):
        ask_for_proposal(campaign, groups=1, random_share=0.0, seed=0, by=admin, at=NOW)
    later = NOW + timedelta(minutes=11)
    assert overdue_proposals(NOW + timedelta(minutes=1)) == []
    assert overdue_proposals(later) == [proposal.pk]
    assert overdue_proposals(later) == [], "it is on the queue now"
    Proposal.objects.update(attempts=3)
    assert overdue_proposals(later + timedelta(minutes=11)) == []
    proposal.refresh_from_db()
    assert "3 workers began it" in proposal.error
    assert proposal.ended_at


@pytest.mark.django_db(transaction=True)
def test_two_workers_with_the_same_message_add_its_groups_once(campaign, version):
    proposal = ask_for_proposal(campaign, groups=4, random_share=0.5, seed=0, by=None, at=NOW)
    assert sorted(at_once(lambda: make_proposal(proposal.pk, NOW), 2)) == [False, True]
    assert campaign.groups.count() == 8
    assert proposal.groups.count() == 4
