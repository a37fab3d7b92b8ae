"""The curators' pages of campaigns, driven as a curator drives them."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import expect

from annotate.campaigns.creation import create_campaign
from annotate.campaigns.group_reading import read_group
from annotate.campaigns.models import Campaign
from annotate.campaigns.simulation import simulate, simulated_annotators
from annotate.tournament.simulator import Manner
from tests.browser.conftest import PHONE

axe = Axe()


def is_in_order(page):
    """Nothing for axe-core to complain of, and no scrolling sideways."""
    results = axe.run(page)
    assert results.violations_count == 0, results.generate_report()
    assert fits(page)


def fits(page):
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.fixture
def noisy(dataset):
    campaign = create_campaign(name="Noisy", dataset=dataset, groups=2, k=8, seed=3).campaign
    simulate(campaign, simulated_annotators(campaign, 4), Manner(flip=0.3, uncertain=0.05), seed=1)
    return campaign


def test_creating_a_campaign_with_a_preview(visit, curator, dataset):
    visitor = visit(curator)
    visitor.open(reverse("campaign-list"))
    page = visitor.page
    page.get_by_role("link", name="Create the first one").click()
    plan = page.get_by_role("region", name="What to expect")
    expect(plan).to_contain_text("about 2,320")
    groups = page.get_by_role("spinbutton", name="Groups")
    groups.fill("2")
    groups.press("Tab")
    expect(plan).to_contain_text("about 93")
    page.get_by_role("button", name="Preview the groups").click()
    preview = page.locator("#preview")
    # Ten people have each expression: a group of 16 can not be filled.
    expect(preview).to_contain_text("smaller k")
    page.get_by_label("Candidates in a group").select_option("8")
    page.get_by_role("button", name="Preview the groups").click()
    expect(preview).to_contain_text("2 groups can be filled")
    expect(preview.get_by_role("article")).to_have_count(2)
    shown = preview.get_by_alt_text("Anchor of group 1").get_attribute("src")
    is_in_order(page)
    page.set_viewport_size({"width": 390, "height": 844})
    assert fits(page)
    page.get_by_label("Name").fill("From the browser")
    page.get_by_role("button", name="Create the campaign").click()
    expect(page.get_by_role("heading", name="From the browser")).to_be_visible()
    expect(page.get_by_text("No answers in the last 30 days")).to_be_visible()
    first = Campaign.objects.get().groups.get(index=1)
    assert shown == reverse("face-crop", args=[first.anchor_id])
    is_in_order(page)
    page.get_by_role("link", name="Change").click()
    page.get_by_label("Suggest a rest after minutes").fill("40")
    is_in_order(page)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("after 40 minutes")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("It is paused, so it does not move")).to_be_visible()


def test_a_bracket_shows_who_stands_below_whom(visit, curator, noisy):
    reading = read_group(noisy, 1)
    visitor = visit(curator)
    visitor.open(reverse("campaign-groups", args=[noisy.pk]))
    page = visitor.page
    is_in_order(page)
    page.get_by_role("link", name="Group 1").click()
    trees = page.locator("svg.bracket")
    expect(trees).to_have_count(3)
    assert fits(page)
    first = reading.repetitions[0]
    champion = first.matches[-1].comparison.winner
    below = [r for r in first.relations if r.winner == champion]
    # Pointing at the winner shows everybody below it, with the length of the chain, and who answered what.
    trees.first.locator(".place-champion").hover()
    marked = trees.first.locator(".is-below:not([data-match])")
    expect(marked).to_have_count(len(below))
    chains = trees.first.locator(".place:not([data-match]) .chain").all_text_contents()
    assert sorted(filter(None, chains)) == sorted(str(len(r.chain)) for r in below)
    card = page.locator("#bracket-card")
    expect(card).to_contain_text(f"{champion + 1} over {first.matches[-1].loser + 1}")
    expect(card).to_contain_text(first.matches[-1].answers[0].annotator.username)
    page.mouse.move(2, 2)
    expect(trees.first).not_to_have_class("bracket is-showing")
    expect(card).to_be_hidden()
    # The same by keyboard, in all repetitions at once; a choice stays until it is let go.
    pick = page.locator(f"[data-pick='{champion}']")
    pick.focus()
    page.keyboard.press("Enter")
    expect(pick).to_have_attribute("aria-pressed", "true")
    expect(page.locator("svg.is-showing")).to_have_count(3)
    page.keyboard.press("Escape")
    expect(page.locator("svg.is-showing")).to_have_count(0)
    pair = reading.contradictions[0]
    page.locator(f"[data-pair='{pair.mark}']").click()
    for number in {said.repetition for said in pair.statements if said.repetition}:
        tree = page.locator(f"svg[data-repetition='{number}']")
        expect(tree.locator(".way.is-way").first).to_be_attached()
        expect(tree.locator(".place.is-chosen:not([data-match])")).to_have_count(2)
    for words in page.locator("main details").all():
        words.evaluate("node => node.open = true")
    is_in_order(page)


def test_a_bracket_on_a_phone(visit, curator, noisy):
    visitor = visit(curator, **PHONE, color_scheme="dark")
    visitor.open(reverse("campaign-group", args=[noisy.pk, 1]))
    page = visitor.page
    is_in_order(page)
    boxes = [tree.bounding_box() for tree in page.locator(".tree").all()]
    assert boxes[0]["y"] < boxes[1]["y"] < boxes[2]["y"]
    page.locator("svg.bracket").first.locator(".place-champion").tap()
    expect(page.locator("#bracket-card")).to_be_visible()
    expect(page.locator("svg.is-showing")).to_have_count(3)
    assert fits(page)


def test_from_the_table_to_her_answers_and_to_what_is_disputed(visit, admin, noisy):
    visitor = visit(admin)
    visitor.open(reverse("campaign-detail", args=[noisy.pk]))
    page = visitor.page
    expect(page.get_by_role("heading", name="Answers by day")).to_be_visible()
    is_in_order(page)
    tabs = page.get_by_role("navigation", name="Campaign Noisy")
    tabs.get_by_role("link", name="Annotators").click()
    heading = page.get_by_role("columnheader", name="Votes")
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    votes = [int(text) for text in page.locator("tbody td:nth-child(2)").all_text_contents()]
    assert votes == sorted(votes, reverse=True)
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "ascending")
    is_in_order(page)
    page.set_viewport_size({"width": 390, "height": 844})
    assert fits(page)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.locator("tbody a").first.click()
    expect(page.get_by_role("heading", name="Answers of simulated")).to_be_visible()
    is_in_order(page)
    page.get_by_role("link", name="Others say otherwise").click()
    expect(page.locator(".badge", has_text="others say otherwise").first).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    assert fits(page)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    page.get_by_role("link", name="Discard all").click()
    expect(page.get_by_role("link", name="Keep them")).to_be_visible()
    is_in_order(page)
    page.get_by_role("link", name="Keep them").click()
    tabs.get_by_role("link", name="Disagreements").click()
    expect(page.locator(".dispute").first).to_be_visible()
    is_in_order(page)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.get_by_role("link", name="Group 1").first.click()
    expect(page.locator(".pair-pick.is-chosen")).to_have_count(1)
    page.go_back()
    for kind in ("Annotators disagree", "Ties", "Waiting for somebody"):
        page.get_by_role("link", name=kind).click()
        expect(page.locator(".pills [aria-current]")).to_have_text(kind)
