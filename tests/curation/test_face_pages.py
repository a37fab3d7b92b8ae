"""The page of one face: who may open it, and that it lists everything that the face appears in."""

import csv
import io
import re

import pytest
from django.test import Client
from django.urls import reverse

from annotate.campaigns.creation import create_campaign
from annotate.campaigns.export import copy_triplets
from annotate.campaigns.export_choice import Choice
from annotate.campaigns.models import Candidate, Comparison, Group, Vote
from annotate.campaigns.simulation import simulate, simulated_annotators
from annotate.curation import appearances
from annotate.faces.models import Face
from annotate.tournament.simulator import Manner
from annotate.training.freezing import freeze_snapshot
from tests.factories import make_dataset, make_face, make_imported_triplet


def client_of(user=None):
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


@pytest.fixture
def dataset(db, settings, tmp_path):
    """Forty drawn faces of ten people."""
    settings.SNAPSHOTS_DIR = tmp_path / "snapshots"
    dataset = make_dataset()
    for person in range(10):
        for number, name in enumerate(("glum", "cool", "calm", "glad")):
            make_face(
                dataset, f"p{person}-{name}", identity=f"p{person}", expression=name,
                smile=number * 0.6 - 0.9, tone=100 + 15 * person,
            )  # fmt: skip
    return dataset


@pytest.fixture
def triplets(dataset):
    """Three, of the first eight faces; the first face is in two of them."""
    faces = list(dataset.faces.order_by("pk"))
    make_imported_triplet(faces[0:3], (3, 3, 3, 3, 0, 1), raters=["ro", "mi", "lu", "an", "be", "ka"])
    make_imported_triplet((faces[4], faces[0], faces[3]))
    make_imported_triplet(faces[5:8])


@pytest.fixture
def campaign(dataset):
    """Two groups, answered to their end by people who are sometimes uncertain."""
    campaign = create_campaign(name="Drawn", dataset=dataset, groups=2, k=8, seed=3).campaign
    simulate(campaign, simulated_annotators(campaign, 4), Manner(flip=0.1, uncertain=0.1), seed=1)
    return campaign


def test_who_may(dataset, annotator, curator, admin):
    face = dataset.faces.earliest("pk")
    urls = [reverse("face-detail", args=[face.pk])]
    sections = ("triplets", "groups", "comparisons", "gold", "snapshots")
    urls += [reverse("face-section", args=[face.pk, section]) for section in sections]
    for url in urls:
        assert client_of().get(url).url.startswith(reverse("login"))
        assert client_of(annotator).get(url).status_code == 403
        for user in (curator, admin):
            assert client_of(user).get(url).status_code == 200
            assert client_of(user).post(url).status_code == 405
    client = client_of(curator)
    assert client.get(reverse("face-section", args=[face.pk, "secrets"])).status_code == 404
    assert client.get(reverse("face-detail", args=[face.pk + 1_000])).status_code == 404


def test_a_face_is_shown_with_all_that_it_is_known_by(dataset, curator):
    face = dataset.faces.earliest("pk")
    Face.objects.filter(pk=face.pk).update(url="http://faces.invalid/a.jpg", box=[0.1, 0.9, 0.2, 0.8])
    response = client_of(curator).get(reverse("face-detail", args=[face.pk]))
    text = text_of(response)
    for part in (
        face.key,
        face.image,
        "http://faces.invalid/a.jpg",
        "left 0.1, right 0.9, top 0.2",
        "p0",
        "glum",
    ):
        assert part in text
    assert 'href="http://faces.invalid' not in response.content.decode(), "nothing leads out by a click"
    same = re.findall(r'href="/faces/(\d+)/"', response.content.decode())
    alike = Face.objects.filter(identity="p0") | Face.objects.filter(expression="glum")
    assert set(map(int, same)) == set(alike.exclude(pk=face.pk).values_list("pk", flat=True))


def test_its_imported_triplets_with_each_raters_answer(dataset, triplets, curator):
    face = dataset.faces.earliest("pk")
    client = client_of(curator)
    response = client.get(reverse("face-section", args=[face.pk, "triplets"]))
    assert response.content.decode().count('class="picture-row"') == 2
    text = text_of(response)
    assert "first is odd ka third is odd ro, mi, lu, an uncertain be" in text
    assert "odd one" in text
    lonely = dataset.faces.latest("pk")
    assert "in none that is still there" in text_of(
        client.get(reverse("face-section", args=[lonely.pk, "triplets"]))
    )


def test_everything_that_it_appears_in_is_listed_and_nothing_else(dataset, campaign):
    candidates = {(c.group_id, c.slot): c for c in Candidate.objects.all()}
    anchors = dict(Group.objects.values_list("pk", "anchor"))
    out = io.BytesIO()
    copy_triplets(out, dataset=dataset, campaign=campaign, choice=Choice(sources=("direct", "inferred")))
    exported = list(csv.reader(io.StringIO(out.getvalue().decode())))
    for face in dataset.faces.all():
        in_groups = {pk for pk, anchor in anchors.items() if anchor == face.pk} | {
            group for (group, _), c in candidates.items() if face.pk in (c.positive_id, c.negative_id)
        }
        assert {group.pk for group in appearances.groups_of(face)} == in_groups
        shown_in = [
            c.pk
            for c in Comparison.objects.order_by("pk")
            if face.pk in (
                anchors[c.group_id], candidates[c.group_id, c.low].positive_id,
                candidates[c.group_id, c.high].positive_id,
            )
        ]  # fmt: skip
        assert [comparison.pk for comparison in appearances.comparisons_of(face)] == shown_in
        named = sum(face.key in row[:3] for row in exported)
        assert appearances.derived_triplet_count(face) == named


def test_its_comparisons_with_who_answered_what(dataset, campaign, curator):
    comparison = Comparison.objects.filter(votes__answer="uncertain", winner__isnull=False).first()
    anchor = comparison.group.anchor
    client = client_of(curator)
    url = reverse("face-section", args=[anchor.pk, "comparisons"])
    pages, text = [url], ""
    while pages:
        response = client.get(pages.pop(), headers={"HX-Request": "true"})
        assert "<html" not in response.content.decode()
        text += text_of(response)
        more = re.findall(r'hx-get="([^"]+)"', response.content.decode())
        pages += more
    assert text.count("repetition") == Comparison.objects.filter(group__anchor=anchor).count()
    for vote in Vote.objects.filter(comparison__group__anchor=anchor).select_related("annotator"):
        assert vote.annotator.username in text
    assert "uncertain" in text
    groups = text_of(client.get(reverse("face-section", args=[anchor.pk, "groups"])))
    assert "this face is anchor" in groups
    assert "repetition 3 finished" in groups


def test_a_page_of_rows_needs_no_query_a_row(dataset, campaign, curator, django_assert_max_num_queries):
    anchor = Group.objects.first().anchor
    client = client_of(curator)
    for section in ("triplets", "groups", "comparisons", "gold", "snapshots"):
        with django_assert_max_num_queries(10):
            client.get(reverse("face-section", args=[anchor.pk, section]))
    with django_assert_max_num_queries(11):
        client.get(reverse("face-detail", args=[anchor.pk]))


def test_the_snapshots_that_hold_it(dataset, triplets, curator):
    face = dataset.faces.earliest("pk")
    frozen = freeze_snapshot(name="spring", dataset=dataset)
    late = make_face(dataset, "p0-gl", identity='a "quoted", name')
    later = freeze_snapshot(name="summer", dataset=dataset)
    assert appearances.snapshots_of(face) == [later, frozen]
    assert appearances.snapshots_of(late) == [later], "its key begins that of another face"
    assert "spring" in text_of(client_of(curator).get(reverse("face-section", args=[face.pk, "snapshots"])))
