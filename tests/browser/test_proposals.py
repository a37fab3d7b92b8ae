"""An admin lets the active version propose groups, and sees them come; a curator looks."""

import os

import pytest
from django.utils import timezone

from annotate.accounts.models import Role, User
from annotate.campaigns.simulation import simulate
from annotate.tournament.simulator import Manner
from annotate.training.models import Embedding, Proposal, Snapshot
from annotate.training.proposals import make_proposal
from annotate.training.tasks import propose_groups
from annotate.training.versions import promote
from tests.browser.conftest import PHONE
from tests.training.registry import make_version

# Fails where a picture can not be loaded.
LOADED = """Promise.all([...document.querySelectorAll(".preview-group img")].map((one) => {
    one.loading = "eager"
    return one.decode()
}))"""


@pytest.fixture
def version(dataset, admin, settings, tmp_path):
    """The active one, which sees smiles, but blurred."""
    settings.RUNS_DIR = tmp_path
    snapshot = Snapshot.objects.create(name="s", dataset=dataset, folder="s", sha256="0" * 64, counts={})
    version = make_version(snapshot)
    Embedding.objects.bulk_create(
        Embedding(
            model_version=version, face=face, vector=[face.known_expression[0], face.pk % 7 / 20, *[0] * 14]
        )
        for face in dataset.faces.all()
    )
    promote(version, admin, "", timezone.now())
    return version


def picture(page, name):
    """For whoever looks at the page by eye: PICTURES names a folder."""
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def test_from_a_preview_to_groups_and_what_they_brought(
    visit, admin, curator, campaign, version, monkeypatch
):
    monkeypatch.setattr(propose_groups, "delay", lambda **ids: None)
    visitor = visit(admin)
    page = visitor.page
    visitor.open(f"/campaigns/{campaign.pk}/")
    page.get_by_role("link", name="Proposals").click()
    page.get_by_text("All groups of this campaign were drawn").wait_for()
    page.get_by_label("Groups", exact=True).fill("4")
    page.get_by_label("Random share in %").fill("50")
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("4 groups would be added").wait_for()
    page.evaluate(LOADED)
    assert page.locator(".preview-group").count() == 3
    picture(page, "proposals-preview")
    page.get_by_role("button", name="Add the groups").click()
    page.get_by_text("being chosen").wait_for()
    page.evaluate("window.stayed = true")
    make_proposal(Proposal.objects.get().pk, timezone.now())
    page.get_by_role("cell", name="added").wait_for()
    page.get_by_role("rowheader", name="Proposed by a version").wait_for()
    assert page.evaluate("window.stayed")
    assert campaign.groups.count() == 5

    person = User.objects.create_user("somebody", None, role=Role.ANNOTATOR)
    simulate(campaign, [person], Manner(flip=0.2, uncertain=0.1), seed=1)
    looking = visit(curator, **PHONE)
    looking.open(f"/campaigns/{campaign.pk}/proposals/")
    looking.page.get_by_text("this is the fair figure").wait_for()
    assert looking.page.get_by_role("rowheader", name="Random share of proposals").is_visible()
    assert looking.page.get_by_role("button", name="Add the groups").count() == 0
    assert looking.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    picture(looking.page, "proposals-phone")
    visitor.open(f"/campaigns/{campaign.pk}/proposals/")
    page.get_by_text("this is the fair figure").wait_for()
    picture(page, "proposals-desktop")
