"""The expression map in a real Chromium: drawn, coloured, marked by pointer and keys, two side by side."""

import random

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from annotate.campaigns.models import Campaign
from annotate.insight.maps import ask_for_map, enter_points
from annotate.insight.models import ExpressionMap, FaceSelection
from annotate.training import jobs
from annotate.training.models import Snapshot
from tests.browser.conftest import PHONE
from tests.factories import make_imported_triplet
from tests.training.registry import make_version

NAMES = ("calm", "cool", "glad", "glum")
# Where each expression's faces lie: in the corners of a square, some units wide.
CORNERS = {"glum": (-10, -10), "cool": (10, -10), "calm": (10, 10), "glad": (-10, 10)}


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    settings.RUNS_DIR = tmp_path / "runs"


@pytest.fixture
def version(dataset):
    return make_version(
        Snapshot.objects.create(name="s", dataset=dataset, folder="s", sha256="0" * 64, counts={})
    )


def make_map(version, dataset, by, turned=False):
    """Ten faces in each corner; turned by a quarter, as a map of another seed may be."""
    now = timezone.now()
    settings = {"method": "tsne", "perplexity": 30.0, "neighbours": 15, "seed": int(turned)}
    asked = ask_for_map(version, [dataset], by, now, **settings)
    rng = random.Random(5)
    places = []
    for face in dataset.faces.order_by("pk"):
        x, y = (centre + rng.uniform(-2, 2) for centre in CORNERS[face.expression])
        places.append((face.pk, -y, x) if turned else (face.pk, x, y))
    figures = {"n": 40, "of": 40, "trustworthiness": 0.97, "continuity": 0.96, "neighbours_measured": 15,
               "measured_on": 40}  # fmt: skip
    enter_points(asked, places, figures, "")
    jobs.end(jobs.claim(ExpressionMap, asked.pk, "worker:1", now), now)
    return asked


def opened(visitor, asked, query=""):
    visitor.open(reverse("map-detail", args=[asked.pk]) + query)
    expect(visitor.page.locator("#atlas[data-ready]")).to_be_attached()
    return visitor.page


def corner_of(page, right, down, which=0):
    """A corner's middle on the screen: right and down are -1 or 1. The map fills its square with a margin."""
    box = page.locator("canvas[data-over]").nth(which).bounding_box()
    side = min(box["width"], box["height"]) * 0.88 * 10 / 24
    return box["x"] + box["width"] / 2 + right * side, box["y"] + box["height"] / 2 + down * side


def draw_around(page, x, y, reach):
    page.mouse.move(x - reach, y - reach)
    page.mouse.down()
    for right, down in ((1, -1), (1, 1), (-1, 1), (-1, -0.8)):
        page.mouse.move(x + right * reach, y + down * reach, steps=4)
    page.mouse.up()


def test_from_the_lasso_to_the_wall_and_a_campaign(visit, curator, dataset, version):
    visitor = visit(curator)
    page = opened(visitor, make_map(version, dataset, curator))
    box = page.locator("canvas[data-over]").bounding_box()
    reach = min(box["width"], box["height"]) * 0.11
    # Dragging moves the map, and selects nobody.
    draw_around(page, *corner_of(page, -1, -1), reach)
    expect(page.locator("[data-selected]")).to_have_text("No face is selected.")
    page.get_by_role("button", name="All of it").click()
    page.get_by_role("button", name="Draw around faces").click()
    draw_around(page, *corner_of(page, -1, -1), reach)
    expect(page.locator("[data-selected]")).to_have_text("10 faces selected: glum 10")
    draw_around(page, *corner_of(page, 1, 1), reach)
    expect(page.locator("[data-selected]")).to_have_text("20 faces selected: calm 10, glum 10")
    page.get_by_label("Name").fill("two corners")
    page.get_by_role("button", name="Keep and show").click()
    expect(page.get_by_role("heading", name="Only the selection “two corners”")).to_be_visible()
    expect(page.locator("#wall .face")).to_have_count(20)
    kept = FaceSelection.objects.get()
    assert set(kept.faces.values_list("expression", flat=True)) == {"glum", "calm"}
    page.get_by_role("link", name="Start a campaign with them").click()
    expect(page.get_by_role("heading", name="New campaign with a selection")).to_be_visible()
    page.get_by_label("Name").fill("From the map")
    page.get_by_label("Candidates in a group").select_option("4")
    page.get_by_role("button", name="Create the campaign").click()
    expect(page.get_by_role("heading", name="From the map", level=1)).to_be_visible()
    anchors = Campaign.objects.get().groups.values_list("anchor__expression", flat=True)
    assert set(anchors) == {"glum", "calm"}


def test_by_keys_and_by_the_legend(visit, curator, dataset, version):
    visitor = visit(curator)
    page = opened(visitor, make_map(version, dataset, curator))
    page.locator("canvas[data-over]").focus()
    page.keyboard.press("ArrowRight")
    said = page.locator("[data-say]")
    expect(said).to_contain_text("drawn, train")
    first = said.text_content()
    picture = page.locator("[data-card] img")
    expect(picture).to_have_js_property("naturalWidth", 224)
    page.keyboard.press("ArrowLeft")
    expect(said).not_to_have_text(first)
    page.keyboard.press("Space")
    expect(said).to_contain_text("selected")
    expect(page.locator("[data-selected]")).to_contain_text("1 face selected")
    page.keyboard.press("Space")
    expect(page.locator("[data-selected]")).to_have_text("No face is selected.")
    page.keyboard.press("Escape")
    expect(page.locator("[data-card]")).to_be_hidden()
    # What the legend leaves out is neither shown nor selected.
    page.get_by_role("button", name="Show none").click()
    page.get_by_label("cool").check()
    page.get_by_role("button", name="Select what is in sight").click()
    expect(page.locator("[data-selected]")).to_have_text("10 faces selected: cool 10")
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_role("button", name="Keep and show")).to_be_disabled()


def test_colours_follow_what_is_asked_for(visit, curator, dataset, version):
    faces = list(dataset.faces.order_by("pk"))
    for other in faces[2:5]:
        make_imported_triplet([*faces[:2], other], (3, 3, 3, 3, 1, 1))
    visitor = visit(curator)
    page = opened(visitor, make_map(version, dataset, curator))
    legend = page.locator("[data-legend] li")
    expect(legend).to_have_text([f"{name}10" for name in NAMES])
    page.get_by_label("Colour by").select_option("identity")
    expect(legend).to_have_count(10)
    page.get_by_label("Colour by").select_option("disagreement")
    expect(page.get_by_text("as if by dice")).to_be_visible()
    expect(legend.last).to_have_text("too few answers38")


@pytest.mark.parametrize(
    "screen", [pytest.param({}, id="desktop", marks=pytest.mark.long), pytest.param(PHONE, id="phone")]
)
def test_two_maps_beside_each_other_show_the_same_face(visit, curator, dataset, version, screen):
    visitor = visit(curator, **screen)
    asked, other = (make_map(version, dataset, curator, turned) for turned in (False, True))
    page = opened(visitor, asked)
    page.get_by_role("combobox", name="Beside it").select_option(str(other.pk))
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Map {asked.pk} beside map {other.pk}")
    expect(page.locator("#atlas[data-ready]")).to_be_attached()
    # The other is turned until both have every face in the same place, so the same pixels are drawn.
    pictures = "[...document.querySelectorAll('canvas[data-points]')].map((one) => one.toDataURL())"
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    sizes = page.locator("canvas[data-points]").evaluate_all("all => all.map((one) => one.width)")
    first, second = page.evaluate(pictures)
    assert len(first) > 2000
    if sizes[0] == sizes[1]:
        assert abs(len(first) - len(second)) < len(first) / 5
    x, y = corner_of(page, 1, -1)
    (page.touchscreen.tap if screen else page.mouse.click)(x, y)
    if page.locator("[data-card]").first.is_hidden():
        page.locator("canvas[data-over]").first.focus()
        page.keyboard.press("ArrowRight")
    expect(page.locator("[data-card]").first).to_be_visible()
    # A ring on both: each one's upper canvas has something on it.
    inked = "(one) => one.getContext('2d').getImageData(0, 0, one.width, one.height).data.some(Boolean)"
    assert page.locator("canvas[data-over]").evaluate_all(f"all => all.map({inked})") == [True, True]
    page.get_by_role("link", name="Open its page").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(".jpg")


def test_a_map_that_is_being_made_opens_by_itself(visit, curator, dataset, version):
    now = timezone.now()
    settings = {"method": "tsne", "perplexity": 30.0, "neighbours": 15, "seed": 0}
    asked = ask_for_map(version, [dataset], curator, now, **settings)
    visitor = visit(curator)
    visitor.open(reverse("map-detail", args=[asked.pk]))
    page = visitor.page
    expect(page.get_by_text("It waits for a worker")).to_be_visible()
    make_map(version, dataset, curator)
    expect(page.locator("#atlas[data-ready]")).to_be_attached()
