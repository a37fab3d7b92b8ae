"""The erasure's pages: admins alone see them, look before they confirm, and are told what went."""

import pytest
from django.test import Client
from django.urls import reverse

from annotate.curation.erasing import erase
from annotate.curation.models import Erasure
from annotate.faces.models import Face
from tests.curation.erasing import PERSON


@pytest.fixture
def client(admin):
    client = Client()
    client.force_login(admin)
    return client


def test_only_admins_erase(world, annotator, curator):
    erasure_new = f"{reverse('erasure-new')}?dataset=lab&identity={PERSON}"
    for user, status in ((None, 302), (annotator, 403), (curator, 403)):
        client = Client()
        if user:
            client.force_login(user)
        for url in (reverse("erasure-list"), erasure_new, reverse("erasure-detail", args=[1])):
            assert client.get(url).status_code == status
        confirmed = {"reason": "r", "typed": PERSON, "faces": 2}
        assert client.post(erasure_new, confirmed).status_code == status
    assert not Erasure.objects.exists()


def test_look_confirm_and_be_told(world, client, monkeypatch, django_capture_on_commit_callbacks):
    sent = []
    monkeypatch.setattr(
        "annotate.curation.erasure_views.erase_person.delay", lambda erasure_id: sent.append(erasure_id)
    )
    listing = reverse("erasure-list")
    assert "Nobody has been erased" in client.get(listing).text
    assert "No face of this data set" in client.get(listing, {"dataset": "lab", "identity": "no"}).text
    url = client.get(listing, {"dataset": "lab", "identity": PERSON}).url
    page = client.get(url).text
    for told in (
        f"Type {PERSON} to confirm",
        "Lab",
        world.snapshot.sha256[:8],
        f"Model version {world.version.pk}",
    ):
        assert told in page
    typed_wrong = client.post(url, {"reason": "request 7", "typed": "p1", "faces": 2})
    assert "Type it exactly" in typed_wrong.text
    changed = client.post(url, {"reason": "request 7", "typed": PERSON, "faces": 3})
    assert "since you looked" in changed.text
    assert not Erasure.objects.exists()
    with django_capture_on_commit_callbacks(execute=True):
        confirmed = client.post(url, {"reason": "request 7", "typed": PERSON, "faces": 2})
    erasure = Erasure.objects.get()
    assert confirmed.url == reverse("erasure-detail", args=[erasure.pk])
    assert sent == [erasure.pk]
    assert "under way" in client.get(confirmed.url).text
    hers = list(world.hers.values_list("pk", flat=True))
    erase(erasure.pk)
    for page in (confirmed.url, reverse("erasure-live", args=[erasure.pk]), listing):
        text = client.get(page).text
        assert "done" in text
        assert PERSON not in text
    assert client.get(url).status_code == 404
    for face in hers:
        assert client.get(reverse("face-crop", args=[face])).status_code == 404
        assert client.get(reverse("face-detail", args=[face])).status_code == 404
    assert "altered" in client.get(reverse("snapshot-list")).text
    run = client.get(reverse("run-detail", args=[world.run.pk])).text
    assert world.snapshot.sha256[:8] in run
    assert "what the network learnt" in run
    assert "trained on erased faces" in client.get(reverse("run-list")).text
    assert Face.objects.count() == 18
