"""Near-duplicates and bad crops: found, shown, decided once, and taken back."""

import io
import random
import uuid

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from annotate.campaigns.creation import create_campaign
from annotate.campaigns.leases import lease
from annotate.campaigns.voting import cast_vote
from annotate.curation import review_lists, scanning
from annotate.curation.models import DuplicatePair, Scan
from annotate.curation.scanning import ask_for_scan, scan
from annotate.faces.models import Face
from tests.factories import draw_face, make_dataset, make_face


@pytest.fixture
def dataset(db):
    """Three different faces; of the first, two that were saved again."""
    dataset = make_dataset("lab")
    first = make_face(dataset, "a", smile=0.9, tone=200)
    make_face(dataset, "b", smile=-0.9, tone=60)
    for name, quality in (("a-again", 60), ("a-once-more", 40)):
        copy = make_face(dataset, name)
        out = io.BytesIO()
        Image.open(io.BytesIO(draw_face(0.9, 200))).save(out, "JPEG", quality=quality)
        default_storage.delete(copy.crop)
        default_storage.save(copy.crop, ContentFile(out.getvalue()))
    assert first.phash is None
    return dataset


@pytest.fixture
def client(curator):
    client = Client()
    client.force_login(curator)
    return client


def scanned(dataset):
    ask_for_scan(dataset, None, timezone.now())
    assert scan(dataset.pk)
    return Scan.objects.get()


def pairs():
    return {
        (pair.first.image, pair.second.image)
        for pair in DuplicatePair.objects.select_related("first", "second")
    }


SAME = {("a.jpg", "a-again.jpg"), ("a.jpg", "a-once-more.jpg"), ("a-again.jpg", "a-once-more.jpg")}


def test_a_scan_measures_older_faces_and_finds_the_same_again(dataset):
    broken = make_face(dataset, "broken")
    default_storage.delete(broken.crop)
    found = scanned(dataset)
    assert (found.unreadable, found.done, found.ended_at is None) == (1, 0, False)
    assert list(Face.objects.unmeasured()) == [broken]
    # Those with the very same hash are all paired to the first of them.
    known = pairs()
    assert {("a.jpg", "a-again.jpg"), ("a.jpg", "a-once-more.jpg")} <= known <= SAME
    DuplicatePair.objects.update(is_judged=True)
    assert scanned(dataset).pairs == len(known), "Again, it finds nothing new and forgets no judgement"
    assert not DuplicatePair.objects.filter(is_judged=False).exists()
    assert not scan(dataset.pk), "Delivered twice, it does nothing"


def test_every_pair_within_the_distance_is_found_and_no_other(db, monkeypatch):
    """Against all pairs compared one by one, in hashes with neighbours at each distance."""
    monkeypatch.setattr(scanning, "CONFIRMED", 64)
    dataset, rng = make_dataset("many"), random.Random(5)
    hashes = []
    for _ in range(60):
        base = rng.getrandbits(64)
        for flips in (0, 1, 4, 5, 6, 7):
            bits = sum(1 << place for place in rng.sample(range(64), flips))
            hashes.append(base ^ bits)
    faces = Face.objects.bulk_create(
        Face(
            dataset=dataset, key=f"many:{n}", image=f"{n}", crop=f"many/{n}", crop_sha256="0" * 64,
            phash=bits - (1 << 64) if bits >> 63 else bits, dhash=n, sharpness=1, brightness=1, contrast=1,
        )
        for n, bits in enumerate(hashes)
    )  # fmt: skip
    scanned(dataset)
    expected = {
        (faces[i].pk, faces[j].pk, (one ^ two).bit_count())
        for i, one in enumerate(hashes)
        for j, two in enumerate(hashes[:i])
        if (one ^ two).bit_count() <= scanning.DISTANCE
    }
    found = {(max(p.first_id, p.second_id), min(p.first_id, p.second_id), p.distance)
             for p in DuplicatePair.objects.all()}  # fmt: skip
    assert found == expected
    assert {distance for _, _, distance in found} > {1, 4, 5}


def test_keep_one_of_a_cluster_undo_and_say_that_they_differ(dataset, client, curator):
    scanned(dataset)
    url = reverse("review-duplicates", args=["lab"])
    page = client.get(url)
    shown = [face.pk for face in page.context["cluster"].faces]
    assert len(shown) == 3
    assert client.post(url, {"face": shown, "keep": 10**6}).status_code == 400
    assert client.post(url, {"face": shown, "keep": shown[1]}).status_code == 302
    aside = Face.objects.set_aside()
    assert {face.pk for face in aside} == {shown[0], shown[2]}
    assert {(f.set_aside_reason, f.set_aside_by) for f in aside} == {("duplicate", curator)}
    assert "No more near-duplicates" in client.get(url).text
    undone = client.post(reverse("review-undo", args=["lab"]), {"which": "duplicates"}, follow=True)
    assert "taken back" in undone.text
    assert not Face.objects.set_aside().exists()
    client.post(url, {"face": shown, "keep": ""})
    assert not Face.objects.set_aside().exists()
    assert client.get(url).context["cluster"] is None
    scanned(dataset)
    assert client.get(url).context["cluster"] is None, "Not asked again"


def test_the_worst_come_first_and_what_is_kept_is_not_shown_again(dataset, client, curator):
    scanned(dataset)
    for number, face in enumerate(Face.objects.order_by("pk")):
        Face.objects.filter(pk=face.pk).update(sharpness=[30, 10, 40, 20][number])
    url = reverse("review-list", args=["lab", "sharpness"])
    faces = client.get(url).context["faces"]
    assert [face.sharpness for face in faces] == [10, 20, 30, 40]
    behind = review_lists.worst_crops(dataset, "sharpness", (20.0, faces[1].pk))
    assert [face.sharpness for face in behind] == [30, 40]
    client.post(url, {"face": [face.pk for face in faces[:3]], "marked": faces[0].pk})
    assert [face.pk for face in Face.objects.set_aside()] == [faces[0].pk]
    assert [face.sharpness for face in client.get(url).context["faces"]] == [40]
    aside = reverse("review-list", args=["lab", "set-aside"])
    assert "A bad crop" in client.get(aside).text
    client.post(aside, {"face": faces[0].pk, "marked": faces[0].pk})
    assert [face.sharpness for face in client.get(url).context["faces"]] == [10, 40]
    client.post(reverse("review-undo", args=["lab"]), {"which": "sharpness"})
    assert [face.sharpness for face in client.get(url).context["faces"]] == [10, 20, 30, 40]
    face = faces[2]
    client.post(reverse("face-status", args=[face.pk]), {"status": "set_aside"})
    assert Face.objects.get(pk=face.pk).set_aside_by == curator
    client.post(reverse("face-status", args=[face.pk]), {"status": "ready"})
    assert not Face.objects.set_aside().exists()


def test_only_curators_and_admins_review(dataset, annotator, curator, admin):
    urls = [reverse("review", args=["lab"]), reverse("review-live", args=["lab"])]
    urls += [reverse("review-duplicates", args=["lab"])]
    urls += [
        reverse("review-list", args=["lab", which])
        for which in (*review_lists.MEASURES, "flagged", "set-aside")
    ]
    posts = [reverse(name, args=["lab"]) for name in ("review-scan", "review-undo")]
    posts += [reverse("face-status", args=[dataset.faces.first().pk])]
    for user, status in ((None, 302), (annotator, 403), (curator, 200), (admin, 200)):
        client = Client()
        if user:
            client.force_login(user)
        assert {client.get(url).status_code for url in urls} == {status}
        if status != 200:
            assert {client.post(url).status_code for url in posts} == {status}
    assert not Scan.objects.exists()


def test_what_annotators_flag_comes_most_often_flagged_first(db, annotator, client):
    dataset = make_dataset("lab")
    for person in range(10):
        for name in ("calm", "glad"):
            make_face(dataset, f"{person}-{name}", identity=f"p{person}", expression=name)
    campaign = create_campaign(name="c", dataset=dataset, groups=1, k=4, repetitions=1, seed=3).campaign
    asked = lease(campaign, annotator, count=2, at=timezone.now(), rng=random.Random(1))
    anchor = asked[0].anchor_id
    for question, face, flag in ((asked[0], anchor, "broken"), (asked[1], asked[1].left_id, "known")):
        cast_vote(
            vote_id=uuid.uuid4(), showing_id=question.pk, annotator=annotator, answer="uncertain",
            response_ms=1, at=timezone.now(), flag=flag, flagged_face=face,
        )  # fmt: skip
    url = reverse("review-list", args=["lab", "flagged"])
    page = client.get(url)
    assert {face.pk: (face.broken, face.known) for face in page.context["faces"]} == {
        anchor: (1, 0), asked[1].left_id: (0, 1),
    }  # fmt: skip
    assert "broken 1×" in page.text
    client.post(url, {"face": [anchor, asked[1].left_id], "marked": anchor})
    assert Face.objects.set_aside().get().set_aside_reason == "broken"
    assert client.get(url).context["faces"] == []
