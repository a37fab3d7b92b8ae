"""The active version proposes groups to a campaign, and what each source of groups brought."""

import random
import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from annotate.accounts.models import Role, User
from annotate.campaigns.creation import create_campaign
from annotate.campaigns.leases import lease
from annotate.campaigns.models import Answer, Comparison, Group
from annotate.campaigns.voiding import Voided, void_group
from annotate.campaigns.voting import cast_vote
from annotate.faces.models import Dataset, Face, ImportedTriplet
from annotate.training.models import Embedding, Proposal, ProposedGroup, Snapshot
from annotate.training.proposals import ask_for_proposal, make_proposal, overdue_proposals
from annotate.training.proposing import CannotPropose, draft
from annotate.training.sources import Source, brought, history, trained_until
from annotate.training.tasks import propose_groups
from annotate.training.versions import promote
from tests.training.registry import make_version

PEOPLE, K = 40, 4
NOW = timezone.now()


@pytest.fixture
def dataset(db):
    """Faces of 40 people at places on a line; strong triplets say that near ones are nearer than far ones.

    The last ten are of the validation split.
    """
    dataset = Dataset.objects.create(name="line")
    rng = random.Random(0)
    places = [rng.random() * 10 for _ in range(PEOPLE)]
    faces = Face.objects.bulk_create(
        Face(
            dataset=dataset, key=f"line:{i}", image=f"{i}.jpg", crop=f"line/{i}.jpg", crop_sha256="0" * 64,
            identity=f"p{i}", known_expression=[places[i]], split="val" if i >= 30 else "train",
        )
        for i in range(PEOPLE)
    )  # fmt: skip
    trios = set()
    for split in (range(30), range(30, 40)):
        for one in split:
            order = sorted((i for i in split if i != one), key=lambda i: abs(places[i] - places[one]))
            for other in order[:6]:
                odd = rng.choice(
                    [
                        i
                        for i in order
                        if abs(places[i] - places[one]) > abs(places[other] - places[one])
                        and abs(places[i] - places[other]) > abs(places[other] - places[one])
                    ]
                    or order[-1:]
                )
                trios.add((*sorted((one, other)), odd))
    ImportedTriplet.objects.bulk_create(
        ImportedTriplet(
            dataset=dataset, face_1=faces[a], face_2=faces[b], face_3=faces[odd], split=faces[a].split,
            raters=list("abcdef"), answers=[3, 3, 3, 3, 3, 1], odd=3, strength="strong", votes_for=5,
            votes_against=1,
        )
        for a, b, odd in sorted(trios) if len({a, b, odd}) == 3
    )  # fmt: skip
    return dataset


@pytest.fixture
def campaign(dataset):
    return create_campaign(name="c", dataset=dataset, groups=4, k=K, repetitions=1, seed=2).campaign


@pytest.fixture
def version(dataset, admin, folders):
    """The active version: it sees the places on the line, but for the faces that `noise` moves."""
    snapshot = Snapshot.objects.create(name="s", dataset=dataset, folder="s", sha256="0" * 64, counts={})
    version = make_version(snapshot)
    embed(version, dataset)
    promote(version, admin, "", NOW)
    return version


def embed(version, dataset, moved=lambda place: place):
    Embedding.objects.bulk_create(
        Embedding(model_version=version, face=face, vector=[moved(face.known_expression[0]), *[0.0] * 15])
        for face in dataset.faces.order_by("id")
    )


def proposed(campaign, groups=4, share=0.5, seed=0):
    proposal = ask_for_proposal(campaign, groups=groups, random_share=share, seed=seed, by=None, at=NOW)
    make_proposal(proposal.pk, NOW)
    proposal.refresh_from_db()
    return proposal


def answer_all(campaign, wrong=lambda question: False, uncertain=lambda question: False):
    """One annotator answers everything by the places on the line."""
    person = User.objects.create_user(f"a{User.objects.count()}", None, role=Role.ANNOTATOR)
    places = {pk: place for pk, [place] in Face.objects.values_list("pk", "known_expression")}
    rng = random.Random(person.pk)
    while questions := lease(campaign, person, count=8, at=timezone.now(), rng=rng):
        for q in questions:
            left = abs(places[q.left_id] - places[q.anchor_id]) < abs(
                places[q.right_id] - places[q.anchor_id]
            )
            said = Answer.LEFT if left != wrong(q) else Answer.RIGHT
            cast_vote(
                vote_id=uuid.UUID(int=rng.getrandbits(128)), showing_id=q.pk, annotator=person,
                answer=Answer.UNCERTAIN if uncertain(q) else said, response_ms=900, at=timezone.now(),
            )  # fmt: skip


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


def by_source(campaign, active):
    return {one.source: one for one in brought(campaign, active)}


def test_what_each_source_brought(campaign, version):
    proposed(campaign)
    wrong_in = Group.objects.filter(proposed__is_random=False).first().anchor_id
    answer_all(campaign, wrong=lambda question: question.anchor_id == wrong_in)
    found = by_source(campaign, version)
    assert list(found) == [Source.START, Source.PROPOSED, Source.RANDOM]
    for source, groups in zip(found, (4, 2, 2), strict=True):
        one = found[source]
        assert (one.groups, one.finished, one.answers) == (groups, groups, 3 * groups)
        assert one.uncertain.n == one.answers and one.uncertain.count == 0
        # A bracket of four: 3 direct and 1 or 2 inferred relations, two triplets each.
        assert 2 * 4 * groups <= one.triplets <= 2 * 5 * groups
        assert one.triplets_an_answer == one.triplets / one.answers
        assert one.active.n == 3 * groups
    assert found[Source.START].foretold.n == 0, "nobody proposed these"
    assert found[Source.RANDOM].contradicted.count == 0
    assert found[Source.PROPOSED].contradicted.count == found[Source.PROPOSED].contradicted.n / 2 == 3
    assert found[Source.RANDOM].active.interval[0] < 1 == found[Source.RANDOM].active.value


def test_uncertain_answers_and_ties_count_as_such(campaign, version):
    campaign.max_uncertain = 1
    campaign.save()
    anchor = campaign.groups.first().anchor_id
    answer_all(campaign, uncertain=lambda question: question.anchor_id == anchor)
    start = by_source(campaign, version)[Source.START]
    assert start.uncertain.count == 3
    assert start.active.n == 9, "ties were decided by nobody"
    assert Comparison.objects.tied().count() == 3


def test_what_a_version_was_trained_on_does_not_count_for_it(campaign, version, admin):
    answer_all(campaign)
    snapshot = Snapshot.objects.create(
        name="all", dataset=campaign.dataset, campaign=campaign, folder="all", sha256="1" * 64, counts={}
    )
    trained = make_version(make_version(snapshot).run.snapshot, parent=None)
    child = make_version(version.run.snapshot, parent=trained)
    embed(child, campaign.dataset)
    promote(child, admin, "", NOW)
    assert trained_until(campaign, version) is None
    assert trained_until(campaign, child) == snapshot.created_at, "by its parent"
    val = 3 * campaign.groups.filter(split="val").count()
    assert by_source(campaign, child)[Source.START].active.n == val < 12
    assert by_source(campaign, version)[Source.START].active.n == 12
    proposed(campaign)
    answer_all(campaign)
    found = by_source(campaign, child)
    assert found[Source.RANDOM].active.n == found[Source.PROPOSED].active.n == 6
    assert found[Source.START].active.n == val


def test_a_voided_group_takes_its_origin_along(campaign, version):
    proposal = proposed(campaign)
    void_group(proposal.groups.first().group_id, Voided())
    assert proposal.groups.count() == 3


def test_the_figures_take_as_many_queries_for_many_groups_as_for_few(campaign, version):
    def queries():
        with CaptureQueriesContext(
            connection,
        ) as captured:
            brought(campaign, version)
            history(campaign)
        return len(captured)

    few = queries()
    proposed(campaign)
    proposed(campaign, groups=12, share=0.3, seed=1)
    answer_all(campaign)
    assert queries() == few <= 8


ACTORS = ("stranger", "annotator", "curator", "admin")


@pytest.fixture
def actors(annotator, curator, admin, client_of):
    return dict(zip(ACTORS, map(client_of, (None, annotator, curator, admin)), strict=True))


@pytest.mark.parametrize(
    ("method", "name", "curators", "admins"),
    [
        ("get", "campaign-proposals", 200, 200),
        ("get", "campaign-proposals-sources", 200, 200),
        ("get", "campaign-proposals-preview", 403, 200),
        ("post", "campaign-propose", 403, 302),
    ],
)
def test_who_may(actors, campaign, version, method, name, curators, admins):
    for actor, client in actors.items():
        answer = getattr(client, method)(
            reverse(name, args=[campaign.pk]), {"groups": 2, "percent": 50, "seed": 1}
        )
        expected = dict(zip(ACTORS, (302, 403, curators, admins), strict=True))
        assert answer.status_code == expected[actor], actor
        if actor == "stranger":
            assert answer.url.startswith(reverse("login"))
    assert Proposal.objects.count() == (name == "campaign-propose")


def test_an_admin_previews_and_proposes(
    actors, campaign, version, monkeypatch, django_capture_on_commit_callbacks
):
    sent = []
    monkeypatch.setattr(propose_groups, "delay", lambda **ids: sent.append(ids))
    asked = {"groups": 4, "percent": 50, "seed": 1}
    page = (
        actors["admin"].get(reverse("campaign-proposals-preview", args=[campaign.pk]), asked).content.decode()
    )
    assert "<b>4 groups</b> would be added" in " ".join(page.split())
    assert page.count("preview-group") == 3
    assert campaign.groups.count() == 4
    with django_capture_on_commit_callbacks(execute=True):
        answer = actors["admin"].post(reverse("campaign-propose", args=[campaign.pk]), asked, follow=True)
    [proposal] = Proposal.objects.all()
    assert sent == [{"proposal_id": proposal.pk}]
    assert "being chosen" in answer.content.decode()
    again = actors["admin"].post(reverse("campaign-propose", args=[campaign.pk]), asked)
    assert "being proposed to this campaign already" in again.content.decode()
    bad = actors["admin"].post(reverse("campaign-propose", args=[campaign.pk]), asked | {"percent": 101})
    assert "less than or equal to 100" in bad.content.decode()
    propose_groups(**sent[0])
    page = actors["curator"].get(reverse("campaign-proposals", args=[campaign.pk])).content.decode()
    assert "added" in page
    assert "Add the groups" not in page
    answer_all(campaign)
    part = actors["curator"].get(reverse("campaign-proposals-sources", args=[campaign.pk])).content.decode()
    words = " ".join(part.split())
    assert "is right in 100 % of what annotators decided in the random share" in words
    assert "the figure is biased" in words


def test_the_page_without_an_active_version(actors, campaign):
    page = reverse("campaign-proposals", args=[campaign.pk])
    assert "No model version is active" in actors["admin"].get(page).content.decode()
    preview = actors["admin"].get(reverse("campaign-proposals-preview", args=[campaign.pk]))
    assert "No model version is active" in preview.content.decode()


@pytest.mark.django_db(transaction=True)
def test_two_workers_with_the_same_message_add_its_groups_once(campaign, version):
    proposal = ask_for_proposal(campaign, groups=4, random_share=0.5, seed=0, by=None, at=NOW)
    together, made = threading.Barrier(2), []

    def work():
        together.wait()
        made.append(make_proposal(proposal.pk, NOW))
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert sorted(made) == [False, True]
    assert campaign.groups.count() == 8
    assert proposal.groups.count() == 4
