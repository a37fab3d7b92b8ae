"""From a photograph to the faces that look alike, in a real Chromium; the worker's tasks are called here."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.files.storage import default_storage
from django.urls import reverse
from django.utils import timezone
from PIL import Image
from playwright.sync_api import expect

from annotate.faces.crops import find_faces
from annotate.insight.models import QueryPicture
from annotate.insight.network import NETWORKS
from annotate.insight.tasks import find_query_faces
from annotate.training.freezing import freeze_snapshot
from annotate.training.results import store_embeddings_of
from annotate.training.versions import promote
from tests.browser.conftest import PHONE
from tests.factories import make_imported_triplet
from tests.insight.networks import make_real_version

axe = Axe()
LONDON = Path(__file__).parents[2].parent / "shared" / "data" / "london"


def fine(page):
    """Nothing for axe-core to complain of, and no scrolling sideways."""
    results = axe.run(page)
    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.fixture
def version(dataset, admin, settings, tmp_path):
    """The active version, which has embedded the forty drawn faces."""
    settings.STATE_DIR = tmp_path
    for name in ("SNAPSHOTS_DIR", "RUNS_DIR", "UPLOADS_DIR"):
        folder = tmp_path / name.lower()
        folder.mkdir()
        setattr(settings, name, folder)
    settings.FILE_UPLOAD_TEMP_DIR = str(settings.UPLOADS_DIR)
    make_imported_triplet(dataset.faces.order_by("pk")[:3])
    version = make_real_version(freeze_snapshot(name="frozen", dataset=dataset), settings.RUNS_DIR)
    faces = list(dataset.faces.order_by("pk"))
    crops = [default_storage.open(face.crop).read() for face in faces]
    vectors = NETWORKS.embed(version, crops).tolist()
    store_embeddings_of(version, zip((face.pk for face in faces), vectors, strict=True))
    promote(version, admin, "The first one", timezone.now())
    return version


def send(page, name, data, *, is_prealigned=False):
    page.get_by_label("A photograph", exact=True).set_input_files(
        {"name": name, "mimeType": "image/jpeg", "buffer": data}
    )
    if is_prealigned:
        page.get_by_label("It is an aligned crop already").check()
    page.get_by_role("button", name="Look for its face").click()


@pytest.mark.parametrize(
    "screen", [pytest.param({}, id="desktop", marks=pytest.mark.long), pytest.param(PHONE, id="phone")]
)
def test_a_drawn_face_finds_itself_and_is_deleted(visit, curator, version, dataset, screen):
    visitor = visit(curator, **screen)
    page = visitor.page
    visitor.open(reverse("query-list"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Faces that look alike")
    fine(page)
    # A mistake first.
    send(page, "me.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    expect(page.get_by_text("is no JPEG, PNG, WebP, BMP or TIFF picture")).to_be_visible()
    visitor.expects("422")
    face = dataset.faces.get(image="p4-glad.jpg")
    send(page, "me.jpg", default_storage.open(face.crop).read(), is_prealigned=True)
    expect(page.get_by_text("It waits for a free worker")).to_be_visible()
    page.evaluate("window.stayed = true")
    find_query_faces(job_id=QueryPicture.objects.get().pk)
    answers = page.locator(".neighbours .face")
    expect(answers).to_have_count(10)
    expect(answers.first.get_by_role("img")).to_have_attribute("alt", face.image)
    assert page.evaluate("window.stayed")
    fine(page)
    page.get_by_text("Version and filters").click()
    page.get_by_label("Expression").select_option("glum")
    page.get_by_label("Beside it").select_option("pictures")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("heading", name="Plain pictures")).to_be_visible()
    expect(answers.locator(".face-caption", has_text="glum").first).to_be_visible()
    expect(answers.locator(".face-caption", has_text="glad")).to_have_count(0)
    fine(page)
    page.get_by_role("button", name="Delete it now").click()
    expect(page.get_by_text("all that was made of it are deleted")).to_be_visible()
    assert not QueryPicture.objects.exists()
    assert not list(Path(default_storage.path("_queries")).iterdir())


@pytest.mark.skipif(not LONDON.exists(), reason="the London photographs are not beside this checkout")
def test_a_photograph_of_two_asks_which_and_finds_each(visit, curator, version, dataset, tmp_path):
    """Two faces of the data set are theirs: whichever is chosen, its own is the nearest."""
    pair = Image.new("RGB", (1024, 512))
    for place, name in enumerate(("003_neutral.jpg", "004_happiness.jpg")):
        with Image.open(LONDON / name) as photograph:
            pair.paste(photograph, (512 * place, 0))
    pair.save(tmp_path / "pair.jpg", quality=95)
    for place, found in enumerate(find_faces(tmp_path / "pair.jpg")):
        face = dataset.faces.get(image=f"p{place}-calm.jpg")
        with default_storage.open(face.crop, "wb") as file:
            file.write(found.jpeg)
        vector = NETWORKS.embed(version, [found.jpeg])[0].tolist()
        version.embeddings.filter(face=face).update(vector=vector)
    visitor = visit(curator, **PHONE)
    page = visitor.page
    visitor.open(reverse("query-list"))
    send(page, "two.jpg", (tmp_path / "pair.jpg").read_bytes())
    expect(page.get_by_text("It waits for a free worker")).to_be_visible()
    find_query_faces(job_id=QueryPicture.objects.get().pk)
    expect(page.get_by_role("heading", name="It shows 2 faces. Which one?")).to_be_visible()
    expect(page.get_by_role("heading", name="Version")).to_have_count(0)
    fine(page)
    for place in (1, 0):
        page.get_by_role("link", name=f"Face {place + 1} from the left").click()
        expect(page.get_by_role("heading", name=f"Face {place + 1} of 2, from the left")).to_be_visible()
        first = page.locator(".neighbours .face").first.get_by_role("img")
        expect(first).to_have_attribute("alt", f"p{place}-calm.jpg")
    page.locator(".neighbours .face").first.get_by_role("link", name="like this one").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Faces like p0-calm.jpg")


def test_a_face_leads_to_those_like_it_by_keyboard_and_its_address_says_all(visit, curator, version, dataset):
    face = dataset.faces.get(image="p2-glad.jpg")
    visitor = visit(curator)
    page = visitor.page
    visitor.open(reverse("face-detail", args=[face.pk]))
    page.get_by_role("link", name="Faces that look alike").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Faces like {face.image}")
    fine(page)
    page.get_by_text("Version and filters").press("Enter")
    page.get_by_label("Other people only").press("Space")
    page.get_by_label("How many").select_option("20")
    page.get_by_role("button", name="Show", exact=True).press("Enter")
    expect(page.locator(".neighbours .face")).to_have_count(20)
    expect(page.locator(".neighbours .face-caption", has_text="· p2")).to_have_count(0)
    expect(page.get_by_label("Other people only")).to_be_checked()
    fine(page)
    # Whoever is sent the address sees the same.
    shown = page.locator(".neighbours img").evaluate_all("all => all.map((one) => one.alt)")
    other = visit(curator)
    other.open(page.url.removeprefix(other.base_url))
    expect(other.page.locator(".neighbours .face")).to_have_count(20)
    assert other.page.locator(".neighbours img").evaluate_all("all => all.map((one) => one.alt)") == shown
    answer = page.locator(".neighbours .face").first
    name = answer.get_by_role("img").get_attribute("alt")
    answer.get_by_role("link").first.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
