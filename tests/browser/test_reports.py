"""Reports in a real Chromium: asked for on a phone, watched, read beside another version's, taken away."""

import json

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from annotate.insight.models import Extent, Report
from annotate.insight.tasks import make_report
from annotate.training.versions import promote
from tests.browser.test_training import beside  # noqa: F401
from tests.browser.test_versions import sound
from tests.insight.reports import sample
from tests.training.conftest import dataset, folders, snapshot, stand_in  # noqa: F401
from tests.training.registry import make_version

pytestmark = pytest.mark.usefixtures("transactional_db", "stand_in")
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


@pytest.fixture
def says(monkeypatch, tmp_path, settings):
    settings.STATE_DIR = tmp_path
    path = tmp_path / "figures.json"
    path.write_text(json.dumps(sample.figures(recognised=0.82, leak=0.2)))
    monkeypatch.setenv("FIGURES", str(path))
    monkeypatch.setenv("EMBED_SECONDS", "0.1")


def test_a_report_is_asked_for_made_and_read_on_a_phone(visit, admin, snapshot, beside, says):  # noqa: F811
    active, version = make_version(snapshot), make_version(snapshot)
    promote(active, admin, "the first", timezone.now())
    sample.make_report(active, snapshot.dataset, sample.figures(), sha256="1" * 64)
    visitor = visit(admin, **PHONE)
    page = visitor.page
    visitor.open(f"/versions/{version.pk}/")
    page.get_by_role("link", name="Report on a labelled data set").click()
    expect(page.get_by_role("heading", name=f"Reports on version {version.pk}")).to_be_visible()
    expect(page.get_by_label("Model version")).to_have_value(str(version.pk))
    expect(page.get_by_text("Held-out faces: 8, 8 of them labelled with 2 expressions")).to_be_visible()
    page.get_by_label("Neighbours").fill("five")
    page.get_by_role("button", name="Make the report").click()
    expect(page.locator(".errorlist").get_by_text("Give whole numbers from 1")).to_be_visible()
    page.get_by_label("Neighbours").fill("5, 200")
    page.get_by_role("button", name="Make the report").click()
    expect(page.get_by_text("It waits for a worker of the cpu queue")).to_be_visible()

    page.evaluate("window.stayed = true")
    report = Report.objects.get(ended_at=None)
    assert (report.extent, report.neighbours) == (Extent.HELD_OUT, [5, 200])
    beside(make_report, job_id=report.pk)
    leak = page.get_by_role("row", name="Person of the nearest face")
    expect(leak).to_contain_text("20.0 %", timeout=20_000)
    assert page.evaluate("window.stayed"), "without a reload"
    expect(leak).to_contain_text("-10.0 points")
    expect(leak).to_contain_text("better")
    expect(page.get_by_text("was made of other faces")).to_be_visible()
    matrix = page.get_by_role("region", name="What was taken for what, 200 nearest neighbours")
    expect(matrix.get_by_role("row", name="calm 75 %")).to_contain_text("25 %")
    sound(page, "report")

    page.get_by_label("Beside it").select_option("")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("points")).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("link", name="As Markdown").click()
    assert "| All types, strong |" in download.value.path().read_text()
    page.get_by_role("link", name="Explore").click()
    page.get_by_role("link", name="Reports", exact=True).click()
    expect(page.get_by_text("82.0 % recognised")).to_be_visible()
    sound(page, "reports")
