"""The pages of snapshots and runs in a real Chromium: what moves by itself, under the strict policy."""

import threading

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.db import connection
from playwright.sync_api import expect

from annotate.training.freezing import make_asked_snapshot
from annotate.training.models import Freeze, Run, RunState, Snapshot
from annotate.training.tasks import train_run
from tests.browser.conftest import PHONE
from tests.training.conftest import dataset, folders, run, snapshot, stand_in  # noqa: F401
from tests.training.registry import make_version

pytestmark = pytest.mark.usefixtures("transactional_db", "stand_in")


@pytest.fixture
def beside():
    """Does something as a worker does, beside the web, and waits for its end."""
    threads = []

    def start(work, *arguments, **named):
        def to_its_end():
            work(*arguments, **named)
            connection.close()

        threads.append(threading.Thread(target=to_its_end))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join(30)


def test_from_a_click_to_figures_without_a_reload(visit, admin, dataset, beside, monkeypatch):  # noqa: F811
    monkeypatch.setenv("EPOCH_SECONDS", "0.7")
    visitor = visit(admin)
    page = visitor.page
    visitor.open("/snapshots/")
    page.evaluate("window.stayed = true")
    page.get_by_role("button", name="Freeze").click()
    page.get_by_text("is being made").wait_for()
    page.evaluate("window.stayed = true")
    make_asked_snapshot(Freeze.objects.get().pk)
    page.get_by_role("link", name="Start a run").wait_for()
    assert page.evaluate("window.stayed")
    page.get_by_role("link", name="Start a run").click()

    page.get_by_text("More settings").click()
    page.get_by_label("Learning rate").fill("0.01")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text("It waits for a free worker").wait_for()
    page.evaluate("window.stayed = true")
    launched = Run.objects.get()
    assert (launched.snapshot, launched.config["rate"]) == (Snapshot.objects.get(), 0.01)

    beside(train_run, run_id=launched.pk)
    page.get_by_role("img", name="loss by step").wait_for()
    page.get_by_text("Held-out triplet accuracy").wait_for()
    assert page.get_by_role("img", name="triplet accuracy, % by epoch").is_visible()
    assert page.get_by_role("row", name="Two classes").is_visible()
    assert page.evaluate("window.stayed")
    assert page.locator("main [data-live-url]").count() == 0


def test_cancelled_by_a_click(visit, admin, run, beside, monkeypatch):  # noqa: F811
    monkeypatch.setenv("EPOCH_SECONDS", "3")
    visitor = visit(admin, **PHONE)
    page = visitor.page
    visitor.open(f"/runs/{run.pk}/")
    list_page = visit(admin)
    list_page.open("/runs/")
    list_page.page.get_by_text("queued").wait_for()
    beside(train_run, run_id=run.pk)
    page.get_by_role("progressbar", name="Training").wait_for()
    list_page.page.get_by_role("progressbar", name=f"Progress of run {run.pk}").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("It was cancelled").wait_for(timeout=15_000)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert Run.objects.get().state == RunState.CANCELLED


def test_what_a_run_will_take_is_told_while_it_is_filled_in(visit, admin, snapshot, beside):  # noqa: F811
    """Then it is confirmed, cancelled, resumed, and asked for once more."""
    version = make_version(snapshot)
    visitor = visit(admin, **PHONE)
    page = visitor.page
    visitor.open("/runs/new/")
    told = page.get_by_role("region", name="What it will take")
    told.get_by_text("Triplets to train on").wait_for()
    page.evaluate("window.stayed = true")
    page.get_by_label("Epochs", exact=True).fill("3")
    told.locator("dd").nth(3).get_by_text("3", exact=True).wait_for()
    page.get_by_label("Steps", exact=True).fill("8")
    told.get_by_text("Steps: Give epochs or steps, not both").wait_for()
    page.get_by_label("Epochs", exact=True).fill("")
    told.locator("dd").nth(3).get_by_text("8", exact=True).wait_for()

    page.get_by_text("More settings").click()
    assert page.get_by_label("Order").is_visible()
    page.get_by_label("Start from").select_option(f"version:{version.pk}")
    page.get_by_text(f"Its network is that of version {version.pk}").wait_for()
    assert page.get_by_label("Order").count() == 0
    told.locator("dd").nth(3).get_by_text("8", exact=True).wait_for()
    page.get_by_label("Start from").select_option("small")
    page.get_by_label("Order").wait_for()
    assert page.evaluate("window.stayed")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.get_by_role("button", name="Continue").click()
    page.get_by_role("heading", name="Start this run?").wait_for()
    page.evaluate(AXE_SCRIPT)
    assert page.evaluate("axe.run({resultTypes: ['violations']}).then((found) => found.violations)") == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Change something").click()
    page.get_by_label("Seed").fill("5")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("It was cancelled").wait_for()
    page.get_by_role("button", name="Resume").click()
    page.get_by_text("It waits for a free worker").wait_for()
    launched = Run.objects.latest("pk")
    assert (launched.state, launched.config["steps"], launched.config["seed"]) == (RunState.QUEUED, 8, 5)

    beside(train_run, run_id=launched.pk)
    page.get_by_text("Held-out triplet accuracy").wait_for()
    page.get_by_role("link", name="Run again with these settings").click()
    expect(page.get_by_label("Seed")).to_have_value("5")
    told.get_by_text(f"At the pace of run {launched.pk}").wait_for()
