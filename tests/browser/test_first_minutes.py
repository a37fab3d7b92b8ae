"""An annotator's first minutes, by keyboard and by tap, and the curator who prepares them."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import expect

from annotate.campaigns.gold import draw_more
from annotate.campaigns.models import Campaign, Gold, Participation, Purpose, Trial
from tests.browser.annotator import SETTLE_MS, SETTLED
from tests.browser.conftest import PHONE
from tests.factories import make_imported_triplet

WATCH_SHIFTS = """window.shifts = [];
new PerformanceObserver((list) => {
  for (const { sources } of list.getEntries())
    window.shifts.push(...sources.map(({ node }) => node?.className ?? "?"));
}).observe({ type: "layout-shift", buffered: true });"""


def finds_nothing(page):
    """axe-core has nothing to say against the page."""
    found = Axe().run(page).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


@pytest.fixture
def campaign(campaign, dataset):
    """Three to practise, and two of two right at most three times."""
    faces = {face.key.partition(":")[2]: face for face in dataset.faces.all()}
    for person in range(9):
        trio = (f"p{person}-glad", f"p{person + 1}-glad", f"p{person}-glum")
        make_imported_triplet([faces[name] for name in trio])
    draw_more(campaign, 2, Purpose.PRACTICE)
    draw_more(campaign, 4, Purpose.QUALIFICATION)
    campaign.gold.filter(purpose=Purpose.PRACTICE).update(why="Both smile with the whole face.")
    Campaign.objects.filter(pk=campaign.pk).update(
        instructions=f"Mind the ![mouth](face:{faces['p1-glad'].key}).", practice_count=2,
        qualification_count=2, qualification_threshold=2,
    )  # fmt: skip
    campaign.refresh_from_db()
    return campaign


class Beginner:
    """Somebody in her first minutes."""

    def __init__(self, visitor, campaign):
        self.visitor, self.page, self.campaign = visitor, visitor.page, campaign
        self.stage = self.page.locator(".stage")

    def open(self, name="compare"):
        self.visitor.open(reverse(name, args=[self.campaign.pk]))
        return self

    def look(self):
        """Wait until a comparison may be answered; return it."""
        expect(self.stage).to_have_attribute("data-step", "open")
        self.page.evaluate(SETTLED)
        return Trial.objects.get(pk=int(self.stage.get_attribute("data-comparison")))

    def press(self, *, right):
        """Answer by keyboard."""
        trial = self.look()
        is_left = (trial.nearer == "left") is right
        self.page.keyboard.press("ArrowLeft" if is_left else "2")
        return trial

    def tap(self, *, right):
        trial = self.look()
        side = trial.nearer if right else {"left": "right", "right": "left"}[trial.nearer]
        self.page.locator(f'[data-answer="{side}"]').tap()
        return trial

    def is_told(self, text):
        expect(self.stage).to_have_attribute("data-step", "explained")
        expect(self.page.locator(".feedback")).to_contain_text(text)

    def has_left(self, trial):
        expect(self.stage).not_to_have_attribute("data-comparison", str(trial.pk))

    def enter(self, name):
        """Press what has this name, by keyboard."""
        self.page.get_by_role("button", name=name).or_(self.page.get_by_role("link", name=name)).focus()
        self.page.keyboard.press("Enter")


def heading(page, name):
    return page.get_by_role("heading", name=name)


def practise(ann):
    """One seen as others did, one not; in between a reload, after which what is left goes on."""
    trial = ann.press(right=True)
    ann.is_told("Others saw it so too. Both smile with the whole face.")
    expect(ann.page.locator(f'[data-place="{trial.nearer}"]')).to_have_class(
        "tile candidate candidate-" + trial.nearer + " is-nearer"
    )
    expect(ann.page.locator(".frame img")).to_have_count(3)
    finds_nothing(ann.page)
    ann.page.keyboard.press("Enter")
    ann.has_left(trial)
    # A reload, and what is left goes on with its sides.
    second = ann.look()
    before = [image.get_attribute("src") for image in ann.page.locator(".frame img").all()]
    ann.page.reload()
    assert ann.look() == second
    assert [image.get_attribute("src") for image in ann.page.locator(".frame img").all()] == before
    ann.press(right=False)
    ann.is_told(f"Others saw it otherwise: most found the {second.nearer} face")
    assert ann.page.evaluate("shifts") == []
    ann.page.keyboard.press("Enter")
    expect(heading(ann.page, "In 1 of 2 you saw it")).to_be_visible()
    finds_nothing(ann.page)


def qualify(ann):
    """At the second attempt."""
    ann.enter("Go on to the qualification")
    ann.enter("Begin")
    ann.has_left(ann.press(right=True))
    expect(ann.page.locator(".feedback")).to_have_count(0)
    ann.press(right=False)
    expect(heading(ann.page, "Not this time: 1 of 2 right")).to_be_visible()
    expect(ann.page.get_by_text("You have 2 attempts left")).to_be_visible()
    finds_nothing(ann.page)
    ann.open()
    expect(heading(ann.page, "Not this time")).to_be_visible()
    ann.enter("Try again")
    ann.has_left(ann.press(right=True))
    ann.press(right=True)
    expect(heading(ann.page, "Welcome: you may compare")).to_be_visible()


def test_from_reading_to_comparing_by_keyboard(visit, annotator, campaign):
    ann = Beginner(visit(annotator), campaign)
    ann.page.add_init_script(WATCH_SHIFTS)
    ann.open()
    expect(heading(ann.page, "What to mind")).to_be_visible()
    expect(ann.page.get_by_alt_text("mouth")).to_be_visible()
    finds_nothing(ann.page)
    ann.enter("I have read this")
    ann.enter("Begin to practise")
    practise(ann)
    qualify(ann)
    ann.enter("Start comparing")
    expect(ann.stage).to_have_attribute("data-state", "open")
    assert Trial.objects.filter(response_ms__gte=200, response_ms__lt=10_000).count() == 6
    assert len(set(Trial.objects.values_list("gold", flat=True))) == 6

    ann.page.keyboard.press("?")
    ann.page.get_by_role("link", name="Instructions and practice").click()
    expect(
        ann.page.get_by_role("button", name="Practise again").or_(
            ann.page.get_by_role("link", name="Practise again")
        )
    ).to_be_visible()


def test_practice_by_tap_on_a_phone_with_a_lost_network(visit, annotator, campaign):
    campaign.qualification_count = campaign.qualification_threshold = 0
    campaign.save()
    ann = Beginner(visit(annotator, **PHONE), campaign)
    ann.visitor.expects("net::ERR_|403")
    ann.page.add_init_script(WATCH_SHIFTS)
    ann.open()
    finds_nothing(ann.page)
    ann.page.get_by_role("button", name="I have read this").tap()
    ann.page.get_by_role("button", name="Begin to practise").tap()
    ann.look()
    assert ann.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    sent = []

    def lose_the_first_reply(route):
        sent.append(route.request.post_data_json["id"])
        if len(sent) == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    ann.page.route("**/api/trials", lose_the_first_reply)
    ann.page.locator('[data-answer="uncertain"]').tap()
    ann.is_told("You may say so. Most others found")
    assert len(sent) == 2 and len(set(sent)) == 1
    ann.page.unroute("**/api/trials")
    finds_nothing(ann.page)
    assert ann.page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    ann.page.get_by_role("button", name="Go on").tap()
    ann.tap(right=True)
    ann.is_told("Others saw it so too")
    assert ann.page.evaluate("shifts") == []
    ann.page.get_by_role("button", name="Go on").tap()
    expect(heading(ann.page, "In 1 of 2")).to_be_visible()
    ann.page.get_by_role("link", name="Compare", exact=True).last.tap()
    expect(ann.stage).to_have_attribute("data-state", "open")
    # A qualification that is asked for meanwhile comes before the next comparisons.
    Campaign.objects.update(qualification_count=2, qualification_threshold=1)
    for _ in range(4):
        ann.page.wait_for_timeout(2 * SETTLE_MS)
        ann.page.keyboard.press("1")
    expect(heading(ann.page, "A short check")).to_be_visible()


def test_a_curator_prepares_them(visit, curator, campaign):
    cleo = visit(curator)
    page = cleo.page
    cleo.open(reverse("campaign-detail", args=[campaign.pk]))
    page.get_by_role("link", name="First minutes").click()
    expect(heading(page, "First minutes")).to_be_visible()
    finds_nothing(page)
    text, preview = page.get_by_role("textbox", name="Instructions"), page.locator("#preview")
    key = campaign.dataset.faces.first().key
    text.fill(f"# Brows\n\n![raised](face:{key})\n\n![](https://elsewhere.example/a.png)")
    expect(preview.get_by_role("heading", name="Brows")).to_be_visible()
    expect(preview.get_by_alt_text("raised")).to_be_visible()
    expect(preview).to_contain_text("Line 5: https://elsewhere.example/a.png can not be shown")
    text.fill(f"# Brows\n\n![raised](face:{key}) ![](face:nobody)")
    expect(preview).to_contain_text("The data set has no face nobody")

    section = page.locator("#gold-example")
    section.get_by_role("button", name="Choose by their faces").click()
    choice = section.locator("#picker-example li").first
    choice.get_by_label("Why").fill("The mouth corners.")
    choice.get_by_role("button", name="Choose").click()
    expect(section).to_contain_text("Added.")
    assert Gold.objects.get(purpose=Purpose.EXAMPLE).why == "The mouth corners."
    # What she has written is still there.
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_text("Saved. Annotators see it from now on.")).to_be_visible()
    finds_nothing(page)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_label("Username").fill("cleo")
    page.get_by_role("button", name="Let in", exact=True).click()
    expect(page.get_by_text("cleo may compare")).to_be_visible()
    assert Participation.objects.get(annotator=curator).qualified_by == curator
    page.get_by_role("link", name="As annotators see it").click()
    expect(page.get_by_text("The mouth corners.")).to_be_visible()
    finds_nothing(page)
