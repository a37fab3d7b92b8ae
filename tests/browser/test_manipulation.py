"""The pages of face manipulation in a real Chromium: a grid, and a slider through the faces that a worker
made with a real, untrained generator."""

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

from annotate.insight.models import Interpolation, ManipulationGrid
from annotate.insight.tasks import make_grid, make_interpolation
from annotate.training.freezing import freeze_snapshot
from tests.browser.conftest import DESKTOP, PHONE
from tests.insight.manipulation.generators import make_real_manipulator
from tests.insight.networks import make_real_version
from tests.training.conftest import folders  # noqa: F401

AXE = "axe.run({resultTypes: ['violations']}).then((found) => found.violations.map((one) => one.help))"


@pytest.fixture
def manipulator(dataset, folders, settings):  # noqa: F811
    """Of ten people, of whom it held out three."""
    settings.RUNS_DIR.mkdir()
    version = make_real_version(freeze_snapshot(name="frozen", dataset=dataset), settings.RUNS_DIR)
    return make_real_manipulator(version, settings.RUNS_DIR, held_out=("p1", "p2", "p3"))


def fits(page):
    page.evaluate(AXE_SCRIPT)
    assert page.evaluate(AXE) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(
    "screen", [PHONE, pytest.param(DESKTOP, marks=pytest.mark.long)], ids=["phone", "desktop"]
)
def test_from_a_grid_to_a_face_under_the_slider(visit, curator, manipulator, screen):
    visitor = visit(curator, **screen)
    page = visitor.page
    visitor.open("/explore/manipulators/")
    page.get_by_role("link", name=f"Manipulator {manipulator.pk}", exact=True).click()
    page.get_by_role("button", name="Draw held-out people").click()
    expect(page.get_by_text("It waits for a free worker of the quick queue")).to_be_visible()
    make_grid(job_id=ManipulationGrid.objects.get().pk)
    table = page.get_by_role("table").filter(has=page.locator("svg"))
    expect(table.get_by_role("row")).to_have_count(4)
    assert table.get_by_role("columnheader").count() == 8
    fits(page)

    table.get_by_role("link").nth(2).click()
    expect(page.get_by_role("button", name="Make these faces")).to_be_visible()
    fits(page)
    page.get_by_role("button", name="Make these faces").click()
    expect(page.get_by_text("It waits for a free worker of the quick queue")).to_be_visible()
    make_interpolation(job_id=Interpolation.objects.get().pk)
    slider = page.get_by_role("slider", name="From the source’s expression to the target’s")
    expect(slider).to_be_enabled()
    face = page.get_by_role("img", name="The source, made:")
    assert face.get_attribute("viewBox") == "256 0 32 32"
    slider.press("ArrowLeft")
    assert face.get_attribute("viewBox") == "224 0 32 32"
    expect(page.get_by_text("step 8 of 9, 88 % of the way")).to_be_visible()
    slider.press("Home")
    expect(page.get_by_role("img", name="the source’s own expression")).to_be_visible()
    assert slider.get_attribute("aria-valuetext") == "step 1, the source’s own expression"
    fits(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all steps as one picture").click()
    assert download.value.suggested_filename.startswith("semblance-synthetic-")

    page.get_by_role("link", name="Another target").click()
    expect(page.get_by_role("heading", name="A target")).to_be_visible()
    page.get_by_label("Person").fill("p7")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".face-button")).to_have_count(4)
    page.get_by_role("button", name="p7-glad").click()
    expect(page.get_by_text("It waits for a free worker of the quick queue")).to_be_visible()
    assert Interpolation.objects.latest("pk").target.image == "p7-glad.jpg"
