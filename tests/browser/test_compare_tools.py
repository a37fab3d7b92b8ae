"""The compare page's tools: flags, zoom, flip, swipes, the advice to rest; and that all can use them."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from annotate.campaigns.models import Question, Vote
from tests.browser.annotator import SETTLE_MS, Annotator
from tests.browser.conftest import DESKTOP, PHONE

SHIFTS = """window.shifts = [];
    new PerformanceObserver((list) => window.shifts.push(...list.getEntries().map(({ value }) => value)))
        .observe({ type: "layout-shift", buffered: true });"""


def spoil_the_first_picture(route):
    response = route.fetch()
    lease = response.json()
    if lease["comparisons"]:
        lease["comparisons"][0]["left"]["src"] = "/faces/0/crop.jpg"
    route.fulfill(response=response, json=lease)


def test_what_can_not_be_answered_is_flagged(ann):
    ann.visitor.expects("404")
    ann.page.route("**/api/**/leases", spoil_the_first_picture, times=1)
    ann.open()
    ann.look()
    left = ann.page.locator('[data-place="left"]')
    expect(left).to_contain_text("can’t be loaded")
    broken = Question.objects.get(pk=ann.comparison).left_id
    ann.page.keyboard.press("b")
    dialog = ann.page.get_by_role("dialog", name="Flag a face")
    expect(dialog.get_by_role("button", name="Left")).to_be_focused()
    ann.press("Enter")
    expect(ann.page.locator(".notice")).to_contain_text("Others are asked")
    ann.has_saved(1)

    ann.look()
    known = ann.shown_face("anchor")
    ann.page.get_by_role("button", name="Flag").click()
    dialog.get_by_role("button", name="I know this person").click()
    dialog.get_by_role("button", name="The one alone").click()
    ann.has_saved(2)
    ann.look()
    right = ann.shown_face("right")
    ann.page.keyboard.press("k")
    ann.page.keyboard.press("b")
    ann.press("ArrowRight")
    ann.has_saved(3)
    votes = Vote.objects.order_by("created_at")
    assert list(votes.values_list("flag", "flagged_face", "answer", "counts")) == [
        ("broken", broken, "uncertain", False), ("known", known, "uncertain", False),
        ("broken", right, "uncertain", False),
    ]  # fmt: skip

    ann.press("Backspace")
    ann.has_saved(2)
    ann.look()
    assert ann.shown_face("right") == right
    ann.page.keyboard.press("b")
    ann.page.keyboard.press("Escape")
    ann.press("1")
    ann.has_saved(3)
    assert Vote.objects.live().order_by("created_at").last().counts


def test_zoom_and_flip_by_keyboard_and_mouse(ann):
    ann.page.add_init_script(SHIFTS)
    ann.open()
    before = ann.look()
    page, board = ann.page, ann.page.locator(".board")
    frames = page.locator(".frame[data-alt]")
    images, boxes = frames.locator("img"), [frame.bounding_box() for frame in frames.all()]
    page.keyboard.press("z")
    expect(page.get_by_role("button", name="Zoom")).to_have_attribute("aria-pressed", "true")
    for image in images.all():
        expect(image).to_have_css("transform", "matrix(1.75, 0, 0, 1.75, 0, 0)")
    page.keyboard.press("Shift+ArrowUp")
    assert board.evaluate("board => board.style.getPropertyValue('--look-y')") == "40%"
    page.keyboard.press("Escape")
    expect(images.first).to_have_css("transform", "none")

    flip = page.locator(".flip-frame")
    page.keyboard.down("Space")
    expect(flip).to_be_visible()
    shown = {board.get_attribute("data-flip")}
    expect(board).to_have_attribute("data-flip", "left" if "right" in shown else "right")
    page.keyboard.up("Space")
    expect(flip).to_be_hidden()
    page.get_by_role("button", name="Hold to flip").hover()
    page.mouse.down()
    expect(flip).to_be_visible()
    page.mouse.up()
    expect(flip).to_be_hidden()
    assert [frame.bounding_box() for frame in frames.all()] == boxes
    assert ann.comparison == before and not Vote.objects.exists()
    page.locator('[data-answer="left"]').click()
    ann.look()
    page.keyboard.press("Space")
    ann.has_saved(1)
    assert page.evaluate("shifts") == []


def test_who_wants_less_motion_flips_by_hand(visit, annotator, campaign):
    ann = Annotator(visit(annotator, reduced_motion="reduce"), campaign).open()
    ann.look()
    board = ann.page.locator(".board")
    shown = []
    for _ in range(2):
        ann.page.keyboard.down("f")
        shown.append(board.get_attribute("data-flip"))
        ann.page.wait_for_timeout(700)
        assert board.get_attribute("data-flip") == shown[-1]
        ann.page.keyboard.up("f")
    assert sorted(shown) == ["left", "right"]


class Finger:
    """Drags over a touch screen."""

    def __init__(self, page):
        self._cdp = page.context.new_cdp_session(page)

    def _touch(self, kind, *points):
        touches = [{"x": x, "y": y} for x, y in points]
        self._cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    def drag(self, x, y, dx, dy):
        """Put it down at a point and move it; it stays down."""
        self._touch("touchStart", (x, y))
        for step in range(1, 6):
            self._touch("touchMove", (x + dx * step / 5, y + dy * step / 5))

    def lift(self):
        self._touch("touchEnd")


def test_swipes_on_a_phone(visit, annotator, campaign):
    ann = Annotator(visit(annotator, **PHONE), campaign).open()
    finger, board = Finger(ann.page), ann.page.locator(".board")
    for turn, (dx, dy, answer) in enumerate([(-120, 8, "left"), (120, 8, "right"), (5, 120, "uncertain")]):
        before = ann.look()
        finger.drag(200, 500, dx, dy)
        expect(board).to_have_attribute("data-swipe", answer)
        assert ann.comparison == before
        finger.lift()
        ann.has_saved(turn + 1)
        assert Vote.objects.order_by("created_at").last().answer == answer
    before = ann.look()
    finger.drag(200, 500, 30, 0)
    finger.lift()
    finger.drag(200, 500, 0, -150)
    finger.lift()
    box = ann.page.locator("button[data-flip]").bounding_box()
    finger.drag(box["x"] + 20, box["y"] + 20, 0, 0)
    expect(ann.page.locator(".flip-frame")).to_be_visible()
    finger.lift()
    expect(ann.page.locator(".flip-frame")).to_be_hidden()
    ann.page.locator("[data-zoom]").tap()
    finger.drag(200, 300, 120, 0)
    assert board.evaluate("board => board.style.getPropertyValue('--look-x')") != "50%"
    finger.lift()
    ann.page.wait_for_timeout(SETTLE_MS)
    assert ann.comparison == before
    assert Vote.objects.count() == 3


def test_a_rest_is_suggested_and_her_time_does_not_run_meanwhile(ann, campaign):
    campaign.pause_after_minutes = 1
    campaign.save()
    ann.page.clock.install()
    ann.open()
    ann.look()
    ann.page.clock.fast_forward(62_000)
    ann.press("1")
    ann.sees("rest")
    expect(ann.page.get_by_role("heading", name="short break")).to_be_visible()
    expect(ann.page.locator('[data-panel="rest"]')).to_contain_text("1 answer, 1 min")
    ann.has_saved(1)
    ann.page.keyboard.press("1")
    ann.page.clock.fast_forward(90_000)
    expect(ann.page.get_by_role("button", name="Go on")).to_be_focused()
    ann.page.keyboard.press("Enter")
    ann.press("1")
    ann.has_saved(2)
    assert Vote.objects.order_by("created_at").last().response_ms < 20_000
    ann.page.reload()
    ann.look()
    expect(ann.page.locator('.counts [data-slot="sitting-answers"]')).to_have_text("2")


@pytest.mark.parametrize(
    "screen", [pytest.param(DESKTOP, id="desktop", marks=pytest.mark.long), pytest.param(PHONE, id="phone")]
)
def test_nothing_keeps_anybody_out(visit, annotator, campaign, screen):
    # In the middle of a transition a colour is neither the one nor the other.
    ann = Annotator(visit(annotator, **screen, reduced_motion="reduce"), campaign).open()
    ann.look()
    page, axe = ann.page, Axe()

    def check():
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            results = axe.run(page)
            assert results.violations_count == 0, results.generate_report()

    check()
    page.keyboard.press("z")
    page.keyboard.press("?")
    page.wait_for_timeout(SETTLE_MS)
    check()
    page.keyboard.press("Escape")
    page.keyboard.press("k")
    check()
    page.keyboard.press("Escape")
    for _ in range(7):
        ann.press("1")
    ann.sees("finished")
    check()


def test_letters_can_be_switched_off(ann):
    ann.open()
    before = ann.look()
    ann.page.keyboard.press("?")
    ann.page.get_by_label("Letter and number keys").uncheck()
    ann.page.keyboard.press("Escape")
    for key in ("1", "b", "z"):
        ann.page.keyboard.press(key)
    assert ann.comparison == before
    expect(ann.page.get_by_role("dialog")).to_be_hidden()
    ann.press("ArrowLeft")
