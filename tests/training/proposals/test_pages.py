"""The page of proposals: who may, the preview, and what it says where nobody is active."""

import pytest
from django.urls import reverse

from annotate.training.models import Proposal
from annotate.training.tasks import propose_groups
from tests.training.proposals.line import answer_all

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
