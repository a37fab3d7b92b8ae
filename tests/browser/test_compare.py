"""The compare page in a real Chromium: answering, and that it fits every screen."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import expect

from annotate.accounts.models import Role, User
from annotate.campaigns.creation import create_campaign
from annotate.campaigns.models import Bracket, Comparison, Showing, Vote
from tests.browser.annotator import NETWORK_LOST, SETTLE_MS, Annotator, answer_as, face_of
from tests.browser.conftest import PHONE


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


def test_a_reload_shows_the_same_comparison_on_the_same_sides(ann):
    ann.open()
    ann.press("1")
    before = ann.look(), *(ann.shown_face(place) for place in ("anchor", "left", "right"))
    ann.has_saved(1)
    ann.page.reload()
    assert (ann.look(), *(ann.shown_face(place) for place in ("anchor", "left", "right"))) == before


def test_several_groups_run_through(visit, annotator, dataset):
    campaign = create_campaign(
        name="Two groups", dataset=dataset, groups=2, k=4, repetitions=1, seed=1
    ).campaign
    ann = Annotator(visit(annotator), campaign).open()
    for turn in range(6):
        ann.press("12"[turn % 2])
    ann.sees("finished")
    ann.has_saved(6)


def test_a_paused_campaign_says_so_and_goes_on_when_resumed(ann, campaign):
    campaign.is_active = False
    campaign.save()
    ann.open()
    ann.sees("paused")
    campaign.is_active = True
    campaign.save()
    ann.look()


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
    ann.press("1")
    assert ann.page.evaluate("[...document.querySelectorAll('.frame img')].every((image) => image.complete)")
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


def test_it_fits_every_screen_without_scrolling(ann):
    ann.open()
    ann.look()
    for width, height in SCREENS:
        ann.page.set_viewport_size({"width": width, "height": height})
        fits(ann, width, height)


def fits(ann, width, height):
    assert ann.page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    ) == [width, height]
    left, right, anchor, unsure = (
        ann.page.locator(selector).bounding_box()
        for selector in ('[data-place="left"] .frame', '[data-place="right"] .frame',
                         '[data-place="anchor"] .frame[data-alt]', ".controls")
    )  # fmt: skip
    assert (left["width"], left["height"], left["y"]) == (right["width"], right["height"], right["y"])
    assert left["width"] == pytest.approx(left["height"], abs=0.1)
    assert left["x"] + left["width"] <= right["x"]
    assert left["width"] >= min(0.26 * width, 0.45 * height) and anchor["width"] >= left["width"] - 0.5
    for box in (left, right, anchor, unsure):
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
        assert box["y"] >= 0 and box["y"] + box["height"] <= height
