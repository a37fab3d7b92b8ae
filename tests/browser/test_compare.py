"""The compare page in a real Chromium: answering, and what becomes of answers when things go wrong."""

from __future__ import annotations

import re
import time

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from annotate.accounts.models import Role, User
from annotate.campaigns.creation import create_campaign
from annotate.campaigns.models import Bracket, Candidate, Comparison, Showing, Vote
from annotate.campaigns.voting import cast_vote
from tests.browser.conftest import PHONE

NETWORK_LOST = "Failed to load resource: net::ERR_(INTERNET_DISCONNECTED|FAILED|NETWORK_CHANGED)"
# The page takes no answer sooner than this after a comparison has been shown.
SETTLE_MS = 230


class Annotator:
    """Somebody at the compare page."""

    def __init__(self, visitor, campaign):
        self.visitor, self.page, self.campaign = visitor, visitor.page, campaign
        self.stage = self.page.locator(".stage")
        self.root = self.page.locator("[data-compare]")

    def open(self):
        self.visitor.open(reverse("compare", args=[self.campaign.pk]))
        return self

    @property
    def comparison(self):
        return int(self.stage.get_attribute("data-comparison"))

    def shown_face(self, place):
        src = self.page.locator(f'[data-place="{place}"] img').get_attribute("src")
        return int(re.search(r"/faces/(\d+)/", src)[1])

    def look(self):
        """Wait until a comparison is shown and may be answered; return its id."""
        expect(self.stage).to_have_attribute("data-state", "open")
        self.page.wait_for_timeout(SETTLE_MS)
        return self.comparison

    def press(self, key):
        """Answer with a key, and wait until that comparison is off the screen; return its id."""
        answered = self.look()
        self.page.keyboard.press(key)
        expect(self.stage).not_to_have_attribute("data-comparison", str(answered))
        return answered

    def sees(self, state):
        expect(self.stage).to_have_attribute("data-state", state)

    def has_ahead(self, count):
        """Wait until so many more can be answered without the network."""
        expect(self.root).to_have_attribute("data-ahead", str(count))

    def has_saved(self, count):
        """Wait until the page says that the server has acknowledged so many of her answers."""
        expect(self.root).to_have_attribute("data-mine", str(count))
        expect(self.root).to_have_attribute("data-unsaved", "0")


@pytest.fixture
def ann(visit, annotator, campaign):
    return Annotator(visit(annotator), campaign)


def face_of(vote):
    """The face that a stored vote names."""
    return Candidate.objects.get(group=vote.group, slot=vote.winner).positive_id


def test_a_whole_bracket_by_keyboard(ann, campaign):
    ann.open()
    chosen = {}
    for key, place in zip(
        ["ArrowLeft", "ArrowRight", "1", "2", "ArrowLeft", "2", "1"], "lrlrlrl", strict=True
    ):
        ann.look()
        face = ann.shown_face({"l": "left", "r": "right"}[place])
        chosen[ann.press(key)] = face
    ann.sees("finished")
    ann.has_saved(7)
    expect(ann.page.get_by_role("heading", name="All done")).to_be_visible()
    votes = Vote.objects.all()
    shown = dict(Showing.objects.values_list("comparison", "pk"))
    assert {shown[vote.comparison_id]: face_of(vote) for vote in votes} == chosen
    assert all(200 <= vote.response_ms < 10_000 for vote in votes)
    assert Bracket.objects.get().finished_at is not None


def test_a_whole_bracket_by_tap_on_a_phone(visit, annotator, campaign):
    ann = Annotator(visit(annotator, **PHONE), campaign).open()
    for turn in range(7):
        ann.look()
        ann.page.locator(f'[data-answer="{("left", "right")[turn % 2]}"]').tap()
        if turn < 6:
            expect(ann.root).not_to_have_attribute("data-mine", "0")
    ann.sees("finished")
    ann.has_saved(7)
    assert Vote.objects.count() == 7


def test_uncertain_goes_to_another_annotator_and_the_page_waits(ann, campaign):
    ann.open()
    for _ in range(2):
        ann.press("ArrowDown")
    ann.press("0")
    ann.look()
    ann.page.get_by_role("button", name="I can’t tell").click()
    ann.sees("waiting")
    ann.has_saved(4)
    assert set(Vote.objects.values_list("answer", flat=True)) == {"uncertain"}
    assert not Comparison.objects.filter(winner__isnull=False).exists()

    bob = User.objects.create_user("bob", None, role=Role.ANNOTATOR)
    for comparison in Comparison.objects.filter(round=1)[:2]:
        answer_as(bob, comparison)
    ann.look()
    assert Showing.objects.get(pk=ann.comparison).comparison.round == 2


def answer_as(annotator, comparison, vote_id=None):
    showing, _ = Showing.objects.get_or_create(
        comparison=comparison, annotator=annotator, defaults={"low_is_left": True}
    )
    cast_vote(
        vote_id=vote_id or f"00000000-0000-4000-8000-{comparison.pk:012}", showing_id=showing.pk,
        annotator=annotator, answer="left", response_ms=900, at=timezone.now(),
    )  # fmt: skip


def test_a_reload_shows_the_same_comparison_on_the_same_sides(ann):
    ann.open()
    ann.press("1")
    before = ann.look(), *(ann.shown_face(place) for place in ("anchor", "left", "right"))
    ann.has_saved(1)
    ann.page.reload()
    assert (ann.look(), *(ann.shown_face(place) for place in ("anchor", "left", "right"))) == before


def test_answers_given_offline_are_stored_once_when_the_network_is_back(ann):
    ann.visitor.expects(NETWORK_LOST)
    ann.open()
    ann.press("1")
    ann.look()
    ann.has_saved(1)
    ann.has_ahead(2)
    ann.visitor.context.set_offline(True)
    answered = [ann.press("2") for _ in range(3)]
    ann.sees("unreachable")
    expect(ann.root).to_have_attribute("data-unsaved", "3")
    expect(ann.root).to_have_attribute("data-mine", "1")
    expect(ann.page.locator(".not-saved")).to_have_text("3 not saved yet")
    assert Vote.objects.count() == 1

    ann.visitor.context.set_offline(False)
    ann.has_saved(4)
    ann.look()
    assert sorted(Vote.objects.values_list("comparison__showings", flat=True))[-3:] == sorted(answered)


def test_answers_not_yet_saved_survive_a_reload(ann):
    ann.visitor.expects(NETWORK_LOST)
    ann.open()
    ann.look()
    ann.has_ahead(3)
    ann.page.route("**/api/**", lambda route: route.abort())
    answered = {ann.press("1"), ann.press("1")}
    ann.page.reload()
    ann.sees("unreachable")
    expect(ann.root).to_have_attribute("data-unsaved", "2")
    ann.page.unroute("**/api/**")
    ann.page.get_by_role("button", name="Try now").click()
    ann.has_saved(2)
    assert ann.look() not in answered
    assert set(Vote.objects.values_list("comparison__showings", flat=True)) == answered


def test_a_lease_from_before_the_answers_arrived_shows_nothing_twice(ann):
    ann.visitor.expects(NETWORK_LOST)
    with ann.page.expect_response("**/leases") as leased:
        ann.open()
    before = leased.value.json()
    ann.look()
    ann.has_ahead(3)
    ann.page.route("**/api/**", lambda route: route.abort())
    answered = {ann.press("1"), ann.press("1")}
    ann.page.reload()
    ann.sees("unreachable")
    ann.page.unroute("**/api/**")
    late = []
    ann.page.route("**/leases", lambda route: late.append(route))
    ann.page.get_by_role("button", name="Try now").click()
    ann.has_saved(2)
    for route in late:
        route.fulfill(json=before)
    ann.page.unroute("**/leases")
    assert not answered & {ann.press("1"), ann.press("1"), ann.look()}


def test_an_answer_whose_acknowledgement_got_lost_is_stored_once(ann):
    ann.visitor.expects(NETWORK_LOST)
    ann.open()
    sent = []

    def lose_the_first_reply(route):
        sent.append(route.request.post_data_json["id"])
        if len(sent) == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    ann.page.route("**/api/votes", lose_the_first_reply)
    ann.press("1")
    ann.has_saved(1)
    assert len(sent) == 2 and len(set(sent)) == 1
    assert [str(pk) for pk in Vote.objects.values_list("pk", flat=True)] == sent[:1]


def test_somebody_else_decided_meanwhile(ann):
    ann.open()
    bob = User.objects.create_user("bob", None, role=Role.ANNOTATOR)
    answer_as(bob, Showing.objects.get(pk=ann.look()).comparison)
    ann.press("1")
    expect(ann.page.locator(".notice")).to_contain_text("Others had decided")
    ann.look()
    ann.has_saved(1)
    assert not Vote.objects.get(annotator__username="ann").counts


def test_logged_out_keeps_the_answer_and_sends_it_after_logging_in(ann, annotator):
    ann.visitor.expects("403")
    ann.open()
    ann.look()
    ann.has_ahead(3)
    Session.objects.all().delete()
    answered = ann.press("1")
    ann.sees("logged-out")
    ann.page.get_by_role("link", name="Log in and go on").click()
    ann.page.get_by_label("Username").fill("ann")
    ann.page.get_by_label("Password").fill("a-password-for-ann")
    ann.page.get_by_role("button", name="Log in").click()
    ann.look()
    ann.has_saved(1)
    assert Showing.objects.get(pk=answered).comparison == Vote.objects.get().comparison


def test_a_page_left_open_by_one_sends_nothing_in_the_name_of_the_next(ann, visit):
    ann.visitor.expects("403")
    ann.open()
    ann.look()
    other = User.objects.create_user("bob", "a-password-for-bob", role=Role.ANNOTATOR)
    tab = ann.visitor.context.new_page()
    ann.visitor.context.clear_cookies(name="sessionid")
    tab.goto(ann.visitor.base_url + reverse("login"))
    tab.get_by_label("Username").fill("bob")
    tab.get_by_label("Password").fill("a-password-for-bob")
    tab.get_by_role("button", name="Log in").click()
    tab.wait_for_url("**/")
    ann.press("1")
    ann.sees("logged-out")
    assert not Vote.objects.filter(annotator=other).exists()


def test_a_paused_campaign_says_so_and_goes_on_when_resumed(ann, campaign):
    campaign.is_active = False
    campaign.save()
    ann.open()
    ann.sees("paused")
    campaign.is_active = True
    campaign.save()
    ann.look()


def test_an_answer_left_behind_is_sent_from_the_home_page(ann):
    ann.visitor.expects(NETWORK_LOST)
    ann.open()
    ann.look()
    ann.page.route("**/api/**", lambda route: route.abort())
    ann.press("1")
    ann.visitor.open(reverse("home"))
    note = ann.page.locator("[data-deliver]")
    expect(note).to_contain_text("not saved yet when you left: 1")
    ann.page.unroute("**/api/**")
    ann.page.evaluate("dispatchEvent(new Event('online'))")
    expect(note).to_be_hidden()
    assert Vote.objects.count() == 1


def test_the_response_time_begins_when_the_pictures_can_be_seen(ann):
    def slow(route):
        time.sleep(0.7)
        route.continue_()

    ann.page.route("**/crop.jpg", slow, times=3)
    ann.open()
    ann.look()
    ann.page.wait_for_timeout(300)
    ann.page.keyboard.press("1")
    ann.has_saved(1)
    # The three pictures, one after the other, took more than two seconds.
    assert 300 + SETTLE_MS <= Vote.objects.get().response_ms < 1900


def test_a_picture_that_can_not_be_loaded_says_so_and_can_be_passed_on(ann):
    ann.visitor.expects("404")
    ann.page.route("**/api/**/leases", spoil_the_first_picture, times=1)
    ann.open()
    ann.look()
    expect(ann.page.locator('[data-place="left"]')).to_contain_text("can’t be loaded")
    ann.press("0")
    ann.has_saved(1)
    assert Vote.objects.get().answer == "uncertain"


def spoil_the_first_picture(route):
    response = route.fetch()
    lease = response.json()
    if lease["comparisons"]:
        lease["comparisons"][0]["left"]["src"] = "/faces/0/crop.jpg"
    route.fulfill(response=response, json=lease)


def test_help_shows_the_keys_and_takes_no_answers(ann):
    ann.open()
    ann.look()
    ann.page.keyboard.press("?")
    expect(ann.page.get_by_role("dialog", name="How to compare")).to_be_visible()
    before = ann.comparison
    ann.page.keyboard.press("1")
    ann.page.keyboard.press("Escape")
    expect(ann.page.get_by_role("dialog")).to_be_hidden()
    assert ann.comparison == before
    assert not Vote.objects.exists()


def test_a_second_press_at_once_and_a_key_held_down_are_one_answer(ann):
    ann.open()
    ann.look()
    ann.page.keyboard.press("1")
    ann.page.keyboard.press("1")
    ann.look()
    for _ in range(10):
        ann.page.keyboard.down("2")
    ann.page.keyboard.up("2")
    ann.has_saved(2)
    ann.page.wait_for_timeout(SETTLE_MS)
    assert Vote.objects.count() == 2


def test_the_next_comparison_needs_no_network(ann):
    ann.visitor.expects(NETWORK_LOST)
    ann.open()
    ann.look()
    ann.has_ahead(3)
    ann.visitor.context.set_offline(True)
    ann.page.evaluate(
        """() => {
          const stage = document.querySelector(".stage");
          addEventListener("keydown", () => { window.pressed = performance.now(); }, { capture: true });
          new MutationObserver(() => requestAnimationFrame(() => requestAnimationFrame(() => {
            window.painted ??= performance.now();
          }))).observe(stage, { attributeFilter: ["data-comparison"] });
        }"""
    )
    ann.press("1")
    assert ann.page.evaluate("[...document.querySelectorAll('.frame img')].every((image) => image.complete)")
    assert ann.page.evaluate("painted - pressed") < 100
    ann.visitor.context.set_offline(False)
    ann.has_saved(1)


def test_nothing_moves_from_one_comparison_to_the_next(ann):
    ann.page.add_init_script(
        """window.shifts = [];
        new PerformanceObserver((list) => {
          for (const { sources } of list.getEntries())
            window.shifts.push(...sources.map(({ node }) => node?.className ?? "?"));
        }).observe({ type: "layout-shift", buffered: true });"""
    )
    ann.open()
    for _ in range(4):
        ann.press("2")
    ann.look()
    assert ann.page.evaluate("shifts") == []


SCREENS = [
    (360, 640),
    (390, 664),
    (390, 844),
    (844, 390),
    (820, 1180),
    (1280, 720),
    (1920, 1080),
    (3840, 2160),
]


@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_it_fits_the_screen_without_scrolling(visit, annotator, campaign, width, height):
    ann = Annotator(visit(annotator, viewport={"width": width, "height": height}), campaign).open()
    ann.look()
    assert ann.page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    ) == [width, height]
    left, right, anchor, unsure = (
        ann.page.locator(selector).bounding_box()
        for selector in ('[data-place="left"] .frame', '[data-place="right"] .frame',
                         '[data-place="anchor"] .frame', ".uncertain")
    )  # fmt: skip
    assert (left["width"], left["height"], left["y"]) == (right["width"], right["height"], right["y"])
    assert left["width"] == pytest.approx(left["height"], abs=0.1)
    assert left["x"] + left["width"] <= right["x"]
    assert left["width"] >= min(0.26 * width, 0.45 * height) and anchor["width"] >= left["width"] - 0.5
    for box in (left, right, anchor, unsure):
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
        assert box["y"] >= 0 and box["y"] + box["height"] <= height


def test_several_groups_run_through(visit, annotator, dataset):
    campaign = create_campaign(
        name="Two groups", dataset=dataset, groups=2, k=4, repetitions=1, seed=1
    ).campaign
    ann = Annotator(visit(annotator), campaign).open()
    for turn in range(6):
        ann.press("12"[turn % 2])
    ann.sees("finished")
    ann.has_saved(6)
