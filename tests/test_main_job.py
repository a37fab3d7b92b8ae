"""The main job against the real processes: web, workers, PostgreSQL and Redis, in a real browser.

An annotator finishes a bracket, an admin downloads its triplets, starts a run and sees its accuracy.
"""

import csv
import os
import re
import signal
import subprocess
import sys

import pytest
from playwright.sync_api import expect, sync_playwright

from annotate.demo.annotators import write_triplets
from annotate.demo.drawing import write_faces
from config.environment import BASE_DIR
from tests.browser.chromium import launch

pytestmark = pytest.mark.browser
PASSWORD = "correct-horse-battery"
START_SECONDS = 90
TRAIN_SECONDS = 300


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A state folder of its own and nobody's services but those that it starts."""
    given = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL")}
    return given | {
        "SEMBLANCE_STATE_DIR": str(tmp_path_factory.mktemp("main-job")),
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
    }


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    labels = write_faces(folder, people=15, expressions=8, workers=1)
    for split, count in (("train", 600), ("val", 60)):
        write_triplets(labels, folder / f"{split}.csv", split=split, count=count, seed=1)
    return folder


@pytest.fixture(scope="module")
def address(environment, faces):
    """Everything started by the supervisor, with one group's bracket to be played; yields where it is."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "config.supervisor", "--port", "8700"],
        cwd=BASE_DIR, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        for line in process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                break
        else:
            pytest.fail("the supervisor ended before it printed an address")

        def manage(*arguments):
            command = [sys.executable, "manage.py", *map(str, arguments)]
            subprocess.run(command, cwd=BASE_DIR, env=environment, check=True)

        for split in ("train", "val"):
            manage(
                "import_fec", faces / f"{split}.csv", "--dataset", "drawn", "--images", faces / "images",
                "--split", split, "--labels", faces / "labels.csv",
            )  # fmt: skip
        manage("create_campaign", "Main", "--dataset", "drawn", "--groups", "1", "--repetitions", "1")
        manage("createsuperuser", "--noinput", "--username", "ada")
        manage(
            "shell", "-c",
            "from annotate.accounts.models import User; "
            f"User.objects.create_user('ann', '{PASSWORD}')",
        )  # fmt: skip
        yield found[0]
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def log_in(browser, address, name):
    page = browser.new_context(accept_downloads=True).new_page()
    page.set_default_timeout(20_000)
    page.goto(address)
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    return page


def play_the_bracket(page):
    page.get_by_role("link", name="Start comparing").click()
    stage = page.locator(".stage")
    for _ in range(15):
        expect(stage).to_have_attribute("data-state", "open")
        comparison = stage.get_attribute("data-comparison")
        page.wait_for_timeout(250)
        page.keyboard.press("ArrowLeft")
        expect(stage).not_to_have_attribute("data-comparison", comparison)
    expect(page.get_by_role("heading", name="All done")).to_be_visible()
    expect(page.locator("[data-compare]")).to_have_attribute("data-unsaved", "0")


def menu(page, name):
    page.get_by_role("navigation", name="Main").get_by_role("link", name=name).click()


def download(page, folder):
    menu(page, "Campaigns")
    page.get_by_role("link", name="Main").click()
    page.get_by_role("link", name="Export").click()
    page.get_by_label(re.compile("^imported")).uncheck()
    with page.expect_download() as started:
        page.get_by_role("button", name="Download").click()
    path = folder / "triplets.csv"
    started.value.save_as(path)
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def freeze_and_train(page):
    menu(page, "Snapshots")
    page.get_by_label("Campaign or data set").select_option(label="Main")
    page.get_by_role("button", name="Freeze").click()
    page.get_by_role("link", name="Start a run").click(timeout=60_000)
    page.get_by_label("Epochs", exact=True).fill("1")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text("succeeded")).to_be_visible(timeout=TRAIN_SECONDS * 1000)
    expect(page.get_by_text(re.compile(r"\d+\.\d %")).first).to_be_visible()


def test_annotate_export_train(address, tmp_path):
    with sync_playwright() as playwright:
        browser = launch(playwright)
        play_the_bracket(log_in(browser, address, "ann"))

        admin = log_in(browser, address, "ada")
        triplets = download(admin, tmp_path)
        assert len(triplets) == 64
        assert sum(row["source"] == "direct" for row in triplets) == 15

        freeze_and_train(admin)
        browser.close()
