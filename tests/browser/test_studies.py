"""A blind study from making it to its chart: two participants answer twenty queries, one on a phone."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from annotate.accounts.models import Role, User
from annotate.insight.models import Study, StudyShowing, StudyVote
from annotate.insight.study_choosing import draw_queries
from annotate.insight.tasks import prepare_study
from tests.browser.annotator import NETWORK_LOST, SETTLE_MS
from tests.browser.conftest import PHONE
from tests.insight.studies.world import as_it_is, make_study, make_versions

QUERIES = 20


class Participant:
    """Somebody at a study's page."""

    def __init__(self, visitor, study):
        self.visitor, self.page, self.study = visitor, visitor.page, study
        self.stage = self.page.locator(".stage")
        self.root = self.page.locator("[data-study]")

    def open(self):
        self.visitor.open(reverse("study-answer", args=[self.study.pk]))
        return self

    def begin(self):
        """Through what is to be read first."""
        self.open()
        self.page.get_by_role("dialog").get_by_role("button", name="Begin").click()
        return self

    def look(self):
        expect(self.stage).to_have_attribute("data-state", "open")
        self.page.wait_for_timeout(SETTLE_MS)
        return int(self.stage.get_attribute("data-comparison"))

    def shown(self, place):
        """The faces on a side, in their order."""
        sources = self.page.locator(f'[data-place="{place}"] img').evaluate_all(
            "all => all.map(one => one.src)"
        )
        return [int(re.search(r"/faces/(\d+)/", src)[1]) for src in sources]

    def answers(self, how, side):
        """Answer what is on the screen, by whatever is given, and wait until it is gone; returns its id."""
        answered = self.look()
        how(side)
        expect(self.stage).not_to_have_attribute("data-comparison", str(answered))
        return answered

    def press(self, key):
        return self.answers(self.page.keyboard.press, key)

    def tap(self, answer):
        return self.answers(lambda side: self.page.locator(f'[data-answer="{side}"]').tap(), answer)

    def has_saved(self, count):
        expect(self.root).to_have_attribute("data-mine", str(count))
        expect(self.root).to_have_attribute("data-unsaved", "0")


@pytest.fixture
def versions(dataset):
    """One finds the same expression, the other the same person."""
    of_person = make_versions(dataset, as_it_is, of=lambda face: int(face.identity[1:]))
    return [*make_versions(dataset, as_it_is), *of_person]


@pytest.fixture
def study(dataset, versions, admin):
    queries = draw_queries(dataset, split="", count=QUERIES, seed=5)
    return make_study(dataset, versions, admin, queries=queries, top_n=5, name="Summer study")


@pytest.fixture
def ann(visit, annotator, study):
    return Participant(visit(annotator), study)


def faces_of(showing):
    """What the database says stands left and right."""
    comparison = showing.comparison
    lists = [
        list(comparison.query.results.filter(contender=one).order_by("rank").values_list("face", flat=True))
        for one in (comparison.one, comparison.other)
    ]
    return lists if showing.one_is_left else lists[::-1]


def test_a_study_of_twenty_queries_by_two_participants(visit, annotator, admin, study):
    ann = Participant(visit(annotator), study).begin()
    chosen = {}
    keys = {
        "ArrowUp": "left",
        "ArrowDown": "right",
        "1": "left",
        "2": "right",
        "0": "uncertain",
        "ArrowLeft": "left",
    }
    for turn in range(QUERIES):
        key = [*keys][turn % len(keys)]
        ann.look()
        shown = [ann.shown("left"), ann.shown("right")]
        showing = StudyShowing.objects.get(pk=ann.press(key))
        assert shown == faces_of(showing)
        chosen[showing.pk] = keys[key]
    expect(ann.page.get_by_role("heading", name="All done")).to_be_visible()
    ann.has_saved(QUERIES)
    assert dict(StudyVote.objects.values_list("showing", "answer")) == chosen
    assert all(200 <= vote.response_ms < 20_000 for vote in StudyVote.objects.all())

    bob = Participant(
        visit(User.objects.create_user("bob", None, role=Role.ANNOTATOR), **PHONE), study
    ).begin()
    for turn in range(QUERIES):
        bob.look()
        if turn == 0:
            fits(bob.page)
        bob.tap(("left", "right", "uncertain")[turn % 3])
    expect(bob.page.get_by_role("heading", name="All done")).to_be_visible()
    bob.has_saved(QUERIES)

    ada = visit(admin)
    ada.open(reverse("study-detail", args=[study.pk]))
    chart = ada.page.get_by_role("img", name=re.compile("Votes by query, 20 queries"))
    expect(chart).to_be_visible()
    expect(chart.locator("text", has_text=re.compile("^all$"))).to_have_count(1)
    pieces = chart.locator("g").last.locator("rect")
    expect(pieces).to_have_count(3)
    row = ada.page.get_by_role("region", name="Votes by query").locator("tfoot td")
    assert sum(int(cell) for cell in row.all_inner_texts()[:3]) == 2 * QUERIES
    assert int(row.all_inner_texts()[3]) == 2 * QUERIES
    expect(ada.page.get_by_role("region", name="Table of participants").get_by_role("row")).to_have_count(3)


def fits(page):
    """Both sets, the query and the controls are on the screen, large enough, and nothing is above another."""
    boxes = page.locator(".sets .frame, .sets .controls").evaluate_all(
        "all => all.map(one => { const {left, top, right, bottom} = one.getBoundingClientRect();"
        " return [left, top, right, bottom]; })"
    )
    width, height = page.viewport_size["width"], page.viewport_size["height"]
    for left, top, right, bottom in boxes:
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        assert right - left >= 60
    for n, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[n + 1 :]:
            apart = (
                other[0] >= right - 1 or other[2] <= left + 1 or other[1] >= bottom - 1 or other[3] <= top + 1
            )
            assert apart, (boxes[n], other)


@pytest.mark.long
def test_it_fits_every_screen(ann):
    ann.begin()
    ann.look()
    for width, height in [(1280, 800), (390, 844), (844, 390), (768, 1024), (1920, 1080)]:
        ann.page.set_viewport_size({"width": width, "height": height})
        fits(ann.page)


def test_answers_given_offline_are_kept_and_sent_when_the_network_is_back(ann):
    ann.visitor.expects(NETWORK_LOST)
    ann.begin()
    ann.press("1")
    ann.has_saved(1)
    ann.look()
    ann.page.route("**/api/**", lambda route: route.abort())
    answered = {ann.press("2"), ann.press("0")}
    expect(ann.root).to_have_attribute("data-unsaved", "2")
    ann.page.reload()
    expect(ann.stage).to_have_attribute("data-state", "unreachable")
    expect(ann.root).to_have_attribute("data-unsaved", "2")
    # Her start page sends them, too.
    ann.page.unroute("**/api/**")
    ann.visitor.open(reverse("home"))
    expect(ann.page.locator('[data-deliver="semblance.study"]')).to_be_hidden()
    assert answered <= set(StudyVote.objects.values_list("showing", flat=True))
    ann.open()
    assert ann.look() not in answered
    assert StudyVote.objects.count() == 3


@pytest.mark.long
def test_undo_brings_the_same_lists_back(ann):
    ann.begin()
    first = ann.look()
    shown = ann.shown("query"), ann.shown("left"), ann.shown("right")
    ann.press("1")
    ann.has_saved(1)
    ann.look()
    ann.page.keyboard.press("u")
    expect(ann.stage).to_have_attribute("data-comparison", str(first))
    assert (ann.shown("query"), ann.shown("left"), ann.shown("right")) == shown
    ann.has_saved(0)
    ann.press("2")
    ann.has_saved(1)
    assert StudyVote.objects.live().get().answer == "right"


def test_an_admin_makes_a_study_and_it_opens_by_itself(visit, admin, versions, monkeypatch):
    ada = visit(admin)
    ada.open(reverse("study-list"))
    ada.page.get_by_role("link", name="New study").first.click()
    ada.page.get_by_label("Name").fill("Autumn study")
    for version in versions:
        ada.page.get_by_label(f"Version {version.pk},").check()
    ada.page.get_by_label("Queries", exact=True).fill("6")
    ada.page.get_by_role("button", name="Preview three queries").click()
    expect(ada.page.get_by_text("6 queries")).to_be_visible()
    expect(ada.page.locator(".found")).to_have_count(3)
    # No worker is there: the message is lost, and the page waits.
    monkeypatch.setattr(prepare_study, "delay", lambda **ids: None)
    ada.page.get_by_role("button", name="Make the study").click()
    expect(ada.page.get_by_role("heading", name="Being prepared", exact=True)).to_be_visible()
    prepare_study(job_id=Study.objects.get().pk)
    expect(ada.page.get_by_role("heading", name="No votes yet")).to_be_visible()
    ada.page.get_by_role("button", name="Close").click()
    expect(ada.page.get_by_text("is closed: nobody is asked any more")).to_be_visible()
    assert not Study.objects.get().is_open


@pytest.mark.long
def test_a_study_that_is_closed_meanwhile_says_so(ann, study):
    ann.visitor.expects("409|refused")
    ann.begin()
    ann.press("1")
    ann.has_saved(1)
    Study.objects.filter(pk=study.pk).update(closed_at=study.created_at)
    ann.press("1")
    expect(ann.page.locator(".notice")).to_contain_text("was closed before that answer arrived")
    ann.page.reload()
    expect(ann.page.get_by_role("heading", name="This study is closed")).to_be_visible()
    assert StudyVote.objects.count() == 1
