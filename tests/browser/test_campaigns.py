"""The curators' pages of campaigns, driven as a curator drives them."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from annotate.campaigns.creation import create_campaign
from annotate.campaigns.simulation import simulate, simulated_annotators
from annotate.tournament.simulator import Manner
from tests.browser.conftest import DESKTOP, PHONE


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_plan_follows_the_form(visit, curator, dataset, screen):
    visitor = visit(curator, **screen)
    visitor.open(reverse("campaign-create"))
    page = visitor.page
    plan = page.get_by_role("region", name="What to expect")
    expect(plan).to_contain_text("about 2,320")
    page.get_by_label("Groups").fill("100")
    page.get_by_label("Groups").press("Tab")
    expect(plan).to_contain_text("about 4,639")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_contradictions_are_found_on_demand(visit, curator, dataset, screen):
    campaign = create_campaign(name="Noisy", dataset=dataset, groups=2, k=8, seed=3).campaign
    simulate(campaign, simulated_annotators(campaign, 4), Manner(flip=0.3), seed=1)
    visitor = visit(curator, **screen)
    visitor.open(reverse("campaign-detail", args=[campaign.pk]))
    page = visitor.page
    page.get_by_role("button", name="Find contradictions").click()
    expect(page.get_by_role("region", name="Contradictory groups")).to_be_visible()
    expect(page.get_by_alt_text("First candidate").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
