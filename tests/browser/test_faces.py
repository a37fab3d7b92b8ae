"""The pages of data in a real Chromium: the wall, a face, and an import from sending to its rejects."""

import hashlib
import io
import re
import threading
import zipfile

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.urls import reverse
from playwright.sync_api import expect

from annotate.campaigns.simulation import simulate, simulated_annotators
from annotate.faces.models import Face, Import
from annotate.faces.tasks import run_import
from annotate.tournament.simulator import Manner
from tests.browser.conftest import PHONE
from tests.factories import draw_face, make_imported_triplet

axe = Axe()


def fine(page):
    """Nothing for axe-core to complain of, and no scrolling sideways."""
    results = axe.run(page)
    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.fixture
def many(dataset):
    """The drawn faces, and 260 more, every other one of them glum."""
    picture = draw_face(0.5, 180)
    Face.objects.bulk_create(
        Face(
            dataset=dataset, key=f"drawn:more-{number:03}", image=f"more-{number:03}.jpg",
            crop=default_storage.save(f"drawn/more-{number:03}.jpg", ContentFile(picture)),
            crop_sha256=hashlib.sha256(picture).hexdigest(), expression="glum" if number % 2 else "glad",
            identity=f"q{number % 90}",
        )
        for number in range(260)
    )  # fmt: skip
    return dataset


@pytest.mark.parametrize(
    "screen", [pytest.param({}, id="desktop", marks=pytest.mark.long), pytest.param(PHONE, id="phone")]
)
def test_the_wall_filters_scrolls_and_keeps_its_place(visit, curator, many, screen):
    visitor = visit(curator, **screen)
    page = visitor.page
    visitor.open(reverse("dataset-wall", args=["drawn"]))
    expect(page.get_by_text("300 faces")).to_be_visible()
    page.get_by_label("Expression").select_option("glum")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_text("140 faces like this")).to_be_visible()
    fine(page)
    tiles = page.locator("#wall .face")
    for shown in (120, 140):
        tiles.last.scroll_into_view_if_needed()
        page.mouse.wheel(0, 3000)
        expect(tiles).to_have_count(shown)
    assert (
        len(set(page.locator("#wall [data-face]").evaluate_all("all => all.map(f => f.dataset.face)"))) == 140
    )
    # Far down, into a face and back: there again, with the same filter.
    chosen = tiles.nth(100)
    face = chosen.get_attribute("data-face")
    chosen.scroll_into_view_if_needed()
    expect(chosen).to_be_in_viewport()
    chosen.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(Face.objects.get(pk=face).image)
    page.go_back()
    expect(page.locator(f"#face-{face}")).to_be_in_viewport()
    expect(page.get_by_label("Expression")).to_have_value("glum")
    before = tiles.count()
    page.get_by_role("link", name="Earlier faces").click()
    expect(page.locator("#wall .face").nth(before)).to_be_attached()
    page.get_by_label("Expression").select_option("=")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("heading", name="No face like this")).to_be_visible()


def test_a_faces_page_shows_all_that_it_is_in(visit, curator, dataset, campaign):
    simulate(campaign, simulated_annotators(campaign, 3), Manner(flip=0.1), seed=1)
    anchor = campaign.groups.get().anchor
    others = list(dataset.faces.exclude(pk=anchor.pk)[:24])
    for number in range(12):
        make_imported_triplet((anchor, others[2 * number], others[2 * number + 1]))
    for screen in ({"color_scheme": "dark"}, PHONE):
        visitor = visit(curator, **screen)
        page = visitor.page
        visitor.open(reverse("face-detail", args=[anchor.pk]))
        expect(page.get_by_role("heading", level=1)).to_have_text(anchor.image)
        comparisons = page.get_by_role("region", name="Comparisons and votes")
        comparisons.scroll_into_view_if_needed()
        expect(comparisons.locator(".picture-row")).to_have_count(7)
        expect(comparisons.get_by_text("simulated-").first).to_be_visible()
        expect(
            page.get_by_role("region", name="Groups and brackets").get_by_text("anchor").first
        ).to_be_visible()
        expect(page.get_by_role("region", name="Imported triplets").locator(".picture-row")).to_have_count(12)
        page.get_by_role("region", name="Snapshots").scroll_into_view_if_needed()
        expect(page.get_by_text("It is in no snapshot.")).to_be_visible()
        fine(page)
    comparisons.locator(".picture-row").first.get_by_role("link").nth(1).click()
    expect(page.get_by_role("heading", level=1)).not_to_have_text(anchor.image)


@pytest.fixture
def beside():
    """Does something as a worker does, beside the web, and waits for its end."""
    threads = []

    def start(work, **named):
        def to_its_end():
            work(**named)
            connection.close()

        threads.append(threading.Thread(target=to_its_end))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join(30)


@pytest.mark.parametrize(
    "screen", [pytest.param({}, id="desktop", marks=pytest.mark.long), pytest.param(PHONE, id="phone")]
)
def test_a_zip_is_sent_imported_and_its_rejects_are_told(
    visit, curator, transactional_db, settings, tmp_path, beside, screen
):
    settings.UPLOADS_DIR = tmp_path / "uploads"
    settings.UPLOADS_DIR.mkdir()
    settings.FILE_UPLOAD_TEMP_DIR = str(settings.UPLOADS_DIR)
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 10_000
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(6):
            archive.writestr(f"set/f{number}.jpg", draw_face(number / 6, 200))
        archive.writestr("set/torn.jpg", draw_face(0, 200)[:900])
        archive.writestr("set/labels.csv", "image,expression\nf0.jpg,glad\ngone.jpg,sad\n")
    visitor = visit(curator, **screen)
    page = visitor.page
    visitor.open(reverse("dataset-list"))
    page.get_by_role("link", name="Import the first one").click()
    page.wait_for_url(f"**{reverse('import-create')}")
    fine(page)
    # A mistake first: what was chosen stays chosen.
    page.get_by_label("Pictures as a zip archive").set_input_files(
        {"name": "faces.zip", "mimeType": "application/zip", "buffer": packed.getvalue()}
    )
    page.get_by_label("The pictures are aligned").check()
    page.get_by_label("Data set").fill("not a name")
    page.get_by_role("button", name="Send and import").click()
    expect(page.get_by_text("A data set's name is letters")).to_be_visible()
    page.get_by_label("Data set").fill("spring")
    page.get_by_role("button", name="Send and import").click()
    expect(page.get_by_text("It waits for a free worker")).to_be_visible(timeout=20_000)
    fine(page)
    page.evaluate("window.stayed = true")
    beside(run_import, import_id=Import.objects.get().pk)
    expect(page.get_by_role("heading", name="What came of it")).to_be_visible(timeout=20_000)
    expect(page.get_by_role("region", name="Rejected rows")).to_contain_text(
        "torn.jpg: the picture is broken"
    )
    expect(page.get_by_role("region", name="Rejected rows")).to_contain_text("gone.jpg is missing")
    assert page.evaluate("window.stayed")
    fine(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all as CSV").click()
    assert re.match(r"spring-rejects-\d+\.csv", download.value.suggested_filename)
    page.get_by_role("link", name="See the faces").click()
    expect(page.locator("#wall .face")).to_have_count(6)
    assert not list(settings.UPLOADS_DIR.rglob("*.zip"))


def test_what_is_too_large_is_refused_before_it_is_sent(visit, curator, transactional_db, settings):
    settings.UPLOAD_MOST_BYTES = 1 << 20
    visitor = visit(curator)
    page = visitor.page
    visitor.open(reverse("import-create"))
    page.get_by_label("Data set").fill("spring")
    page.get_by_label("Pictures as a zip archive").set_input_files(
        {"name": "faces.zip", "mimeType": "application/zip", "buffer": bytes(3 << 20)}
    )
    page.get_by_role("button", name="Send and import").click()
    expect(page.get_by_text("These files have 3 MB together; 1 MB may be sent at once")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_be_hidden()
    assert not Import.objects.exists()
