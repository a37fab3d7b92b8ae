"""Watching runs in a real Chromium: what moves and what stays, runs side by side, and their end."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from annotate.campaigns.creation import create_campaign
from annotate.training.curves import point_of, with_point
from annotate.training.models import Run, RunState
from annotate.training.runs import cancel_run, claim_run, queue_run, report
from annotate.training.shared_folders import run_folder
from annotate.training.tasks import train_run
from annotate.training.versions import active_version
from tests.browser.conftest import PHONE
from tests.browser.test_training import beside  # noqa: F401
from tests.training.conftest import dataset, folders, run, snapshot, stand_in  # noqa: F401
from tests.training.test_watching_pages import end_well

pytestmark = pytest.mark.usefixtures("transactional_db")


def hurry(page):
    """Its live parts ask at once, not only when it is time."""
    page.evaluate(
        "document.querySelectorAll('[data-live-url]').forEach((one) => one.dataset.liveSeconds = '0.3')"
    )
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def go_on(claim, steps, log=""):
    """As its worker does: so many steps are done, and this stands at the end of the log."""
    points = [{"kind": "start", "time": 0.0, "device": "cpu", "notes": []}]
    for step in range(1, steps + 1):
        event = {"event": "progress", "stage": "train", "time": 2.0 * step, "step": step, "steps": 100}
        points = with_point(points, point_of(event | {"loss": 1 / step, "images_per_second": 50.0}))
    report(claim, timezone.now(), stage="train", progress=steps / 100, events=points)
    folder = run_folder(Run.objects.get(pk=claim.run_id))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "log.txt").write_text("".join(f"line {n} of the log\n" for n in range(steps)) + log)


@pytest.mark.usefixtures("stand_in")
def test_launched_watched_cancelled_resumed_compared_promoted(visit, admin, snapshot, beside, monkeypatch):  # noqa: F811
    monkeypatch.setenv("EPOCH_SECONDS", "3")
    before = end_well(queue_run(snapshot, {"order": 2}, admin))
    visitor = visit(admin)
    page = visitor.page
    visitor.open(f"/runs/new/?snapshot={snapshot.pk}")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text("It waits for a free worker").wait_for()
    launched = Run.objects.latest("pk")
    beside(train_run, run_id=launched.pk)

    page.get_by_role("img", name="loss by step").wait_for()
    curve = page.locator("#chart-loss polyline")
    expect(curve).not_to_have_attribute("points", curve.get_attribute("points"))
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("It was cancelled. Its last checkpoint is kept.").wait_for(timeout=15_000)

    monkeypatch.setenv("EPOCH_SECONDS", "0")
    page.get_by_role("button", name="Resume").click()
    page.get_by_text("the next one will go on from its last checkpoint").wait_for()
    beside(train_run, run_id=launched.pk)
    page.get_by_text("Held-out triplet accuracy").wait_for(timeout=20_000)

    page.get_by_role("link", name="Runs").click()
    for one in (before, launched):
        page.get_by_role("checkbox", name=f"Compare run {one.pk}", exact=True).check()
    page.get_by_role("button", name="Compare the chosen runs").click()
    differing = page.get_by_role("region", name="Settings that differ")
    expect(differing).to_be_visible()
    assert (
        differing.get_by_role("row", name="Order 3 2")
        .or_(differing.get_by_role("row", name="Order 2 3"))
        .is_visible()
    )
    assert page.locator("#chart-loss polyline").count() == 2
    page.get_by_role("link", name="By time").click()
    page.get_by_role("img", name="loss by seconds").wait_for()

    version = Run.objects.get(pk=launched.pk).model_version
    visitor.open(f"/versions/{version.pk}/")
    page.get_by_role("link", name="Promote").click()
    page.get_by_label("Why").fill("it reads smiles better")
    for doubt in page.get_by_label("I have read this").all():
        doubt.check()
    page.get_by_role("button", name="Promote").click()
    page.get_by_text(f"Version {version.pk} is the active one now").wait_for()
    assert active_version() == version


def test_nothing_is_disturbed_while_a_run_goes_on(visit, admin, run):  # noqa: F811
    claim = claim_run(run.pk, "host:1", timezone.now())
    go_on(claim, 30, "train:  30 %")
    visitor = visit(admin)
    page = visitor.page
    visitor.open(f"/runs/{run.pk}/")
    log = page.locator("pre.log")
    below = "(log) => log.scrollHeight - log.scrollTop - log.clientHeight"
    assert log.evaluate(below) < 2, "its end is shown"
    log.evaluate("(log) => { log.scrollTop = 40 }")
    slider = page.get_by_role("slider", name="Values of loss by step")
    slider.focus()
    slider.press("Home")
    assert slider.get_attribute("aria-valuetext") == "step 1: loss 1"
    slider.press("ArrowRight")
    reading = page.locator("#chart-loss .chart-reading")
    assert reading.inner_text() == "step 2: loss 0.5"
    page.evaluate(
        "scrollTo(0, 150); getSelection().selectAllChildren(document.querySelectorAll('.log span')[5])"
    )
    line, place = page.evaluate("[String(getSelection()), scrollY]")

    go_on(claim, 45, "train:  45 %")
    page.get_by_text("train: 45 %").wait_for()
    assert page.get_by_text("45 %, about").is_visible()
    assert log.locator("span").count() == 46, "lines that are not sent any more stay"
    assert page.evaluate("[String(getSelection()), scrollY]") == [line, place]
    assert log.evaluate("(log) => log.scrollTop") == 40
    assert slider.evaluate("(slider) => slider === document.activeElement")
    assert reading.inner_text() == "step 2: loss 0.5"
    slider.press("ArrowRight")
    assert reading.inner_text() == "step 3: loss 0.3333"

    box = page.locator("#chart-loss svg.chart").bounding_box()
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + 50)
    assert reading.inner_text() == "step 45: loss 0.02222"

    cancel_run(run.pk, timezone.now())
    page.get_by_text("It is being stopped").wait_for()


def test_a_hidden_tab_does_not_ask_and_an_ended_run_is_not_asked_for(visit, admin, run):  # noqa: F811
    go_on(claim_run(run.pk, "host:1", timezone.now()), 3)
    visitor = visit(admin)
    page = visitor.page
    asked = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/live/") else None)
    hide = "Object.defineProperty(document, 'hidden', {configurable: true, get: () => %s});"
    tell = "document.dispatchEvent(new Event('visibilitychange'))"
    visitor.open(f"/runs/{run.pk}/")
    page.evaluate(hide % "true" + tell)
    hurry(page)
    page.wait_for_timeout(900)
    assert asked == []
    with page.expect_response("**/live/"):
        page.evaluate(hide % "false" + tell)
    cancel_run(run.pk, timezone.now())
    Run.objects.update(state=RunState.CANCELLED, ended_at=timezone.now())
    page.get_by_text("It was cancelled").wait_for()
    asked.clear()
    page.wait_for_timeout(2_600)
    assert asked == []


def test_what_was_chosen_and_unfolded_stays(visit, curator, snapshot, run):  # noqa: F811
    other = queue_run(snapshot, {"order": 2}, None)
    visitor = visit(curator)
    page = visitor.page
    visitor.open("/runs/")
    assert page.get_by_role("link", name="New run").count() == 0
    page.get_by_role("checkbox", name=f"Compare run {run.pk}", exact=True).check()
    go_on(claim_run(run.pk, "host:1", timezone.now()), 20)
    hurry(page)
    page.get_by_role("progressbar", name=f"Progress of run {run.pk}").wait_for()
    page.get_by_role("checkbox", name=f"Compare run {other.pk}", exact=True).check()
    page.get_by_role("button", name="Compare the chosen runs").click()
    page.get_by_text("settings that are the same").click()
    go_on(claim_run(other.pk, "host:2", timezone.now()), 10)
    hurry(page)
    expect(page.locator("#chart-loss polyline")).to_have_count(2, timeout=10_000)
    assert page.get_by_role("region", name="Settings that are the same").is_visible()
    visitor.open(f"/runs/{run.pk}/")
    assert page.get_by_role("button", name="Cancel").count() == 0


def test_the_end_of_a_run_is_told_on_an_open_page(visit, admin, curator, snapshot, run):  # noqa: F811
    hers = queue_run(snapshot, {}, admin)
    visitor, other = visit(admin, **PHONE), visit(curator)
    page = visitor.page
    visitor.open("/campaigns/")
    other.open("/campaigns/")
    assert other.page.locator("[data-live-url]").count() == 0
    end_well(hers)
    hurry(page)
    told = page.get_by_role("status").get_by_text(f"Run {hers.pk} has succeeded: 75.0 %")
    told.wait_for()
    assert page.locator("#runs-unseen").inner_text().startswith("1")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name=f"Dismiss the message of run {hers.pk}").click()
    told.wait_for(state="detached")
    assert page.locator("#runs-unseen").is_hidden()
    assert Run.objects.get(pk=hers.pk).seen_at is not None


def test_it_is_not_told_to_who_compares(visit, admin, snapshot):  # noqa: F811
    campaign = create_campaign(name="compared", dataset=snapshot.dataset, groups=1, k=2).campaign
    queue_run(snapshot, {}, admin)
    visitor = visit(admin)
    visitor.open(f"/campaigns/{campaign.pk}/compare/")
    assert visitor.page.locator("[data-compare]").count() == 1
    assert visitor.page.locator("#notices").count() == 0


def test_an_annotator_sees_none_of_it(visit, annotator, run):  # noqa: F811
    visitor = visit(annotator)
    chosen = f"run={run.pk}&run={run.pk + 1}"
    own = [f"{run.pk}/{part}" for part in ("", "live/", "points.csv")]
    for path in ("", "new/", "notices/", f"compare/?{chosen}", *own):
        assert visitor.page.request.get(f"{visitor.base_url}/runs/{path}").status == 403, path
    visitor.open("/")
    assert visitor.page.get_by_role("link", name="Runs").count() == 0
