"""The pages of model versions in a real Chromium: promoted, rolled back, measured; embeddings that arrive."""

import os
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import expect

from annotate.faces.models import Split
from annotate.training.freezing import freeze_snapshot
from annotate.training.models import Errand, Promotion, Snapshot
from annotate.training.tasks import run_errand
from annotate.training.validating import enter_validation
from annotate.training.versions import active_version
from tests.browser.test_training import beside  # noqa: F401
from tests.factories import make_dataset, make_face
from tests.training.conftest import dataset, folders, snapshot, stand_in  # noqa: F401
from tests.training.registry import make_version, report

pytestmark = pytest.mark.usefixtures("transactional_db", "stand_in")


def sound(page, name):
    """Nothing for axe-core to complain of, and no scrolling sideways, on a desk and on a phone."""
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        if folder := os.environ.get("SCREENSHOTS"):
            page.screenshot(path=f"{folder}/{name}-{width}.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 800})
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_an_admin_names_a_measure_promotes_and_rolls_back(visit, admin, snapshot):  # noqa: F811
    first = make_version(snapshot)
    second = make_version(snapshot, parent=first)
    visitor = visit(admin)
    page = visitor.page
    visitor.open("/snapshots/")
    page.get_by_role("link", name="Measure versions on frozen").click()
    expect(page.get_by_role("button", name="Measure on it")).to_be_visible()
    sound(page, "validation")
    page.get_by_role("button", name="Measure on it").click()
    expect(page.get_by_text("Versions of drawn are measured on “frozen” now")).to_be_visible()
    assert Errand.objects.count() == 2
    for errand in Errand.objects.all():
        run_errand(errand_id=errand.pk)
    enter_validation(second, Snapshot.objects.get(), report(0.7, 8), timezone.now())

    page.get_by_role("link", name="Models").click()
    expect(page.get_by_role("row", name=f"Version {second.pk}")).to_contain_text("70.0 %")
    page.get_by_role("link", name=f"Version {first.pk}", exact=True).click()
    page.get_by_role("link", name="Promote").click()
    page.get_by_label("Why").fill("the first one")
    page.get_by_role("button", name="Promote").click()
    expect(page.get_by_text(f"Version {first.pk} is the active one now")).to_be_visible()

    page.get_by_role("link", name=f"Version {second.pk}", exact=True).click()
    expect(page.get_by_role("link", name="Promote")).to_be_visible()
    sound(page, "version")
    page.get_by_role("link", name="Promote").click()
    expect(page.get_by_text("It is worse than the active version")).to_be_visible()
    page.get_by_label("Why").fill("it knows newer faces")
    page.get_by_label("I have read this").check()
    sound(page, "promote")
    page.get_by_role("button", name="Promote").click()
    expect(page.get_by_text(f"Version {second.pk} is the active one now")).to_be_visible()
    assert active_version() == second
    sound(page, "versions")
    page.get_by_role("link", name=f"Roll back to version {first.pk}").click()
    page.get_by_label("Why").fill("it errs on smiles")
    sound(page, "roll-back")
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_text(f"Version {first.pk} is the active one again")).to_be_visible()
    expect(page.get_by_role("region", name="Promotions")).to_contain_text("it errs on smiles")
    assert Promotion.objects.count() == 3
    page.get_by_role("link", name=f"Version {first.pk}", exact=True).first.click()
    page.get_by_role("link", name="Model card").click()
    expect(page.get_by_role("heading", name="Limits")).to_be_visible()
    sound(page, "card")


def test_who_was_trained_on_is_shown_before_a_measure_is_named(visit, curator, snapshot):  # noqa: F811
    make_version(snapshot)
    of = snapshot.dataset
    of.imported_triplets.filter(split=Split.TRAIN).delete()
    of.faces.filter(identity="p0").update(split=Split.VAL)
    turned = freeze_snapshot(name="turned", dataset=of)
    visitor = visit(curator)
    visitor.open(f"/snapshots/{turned.pk}/validation/")
    expect(visitor.page.get_by_text("will not be measured")).to_be_visible()
    sound(visitor.page, "unfair")


def test_embeddings_come_without_a_reload(visit, curator, snapshot, beside, monkeypatch):  # noqa: F811
    monkeypatch.setenv("EMBED_SECONDS", "0.3")
    other = make_dataset("other")
    for number in range(10):
        make_face(other, f"new {number}")
    version = make_version(snapshot)
    visitor = visit(curator)
    page = visitor.page
    visitor.open(f"/versions/{version.pk}/")
    page.get_by_role("button", name="Embed 10 faces of other").click()
    expect(page.get_by_text("waits for a worker of the cpu queue")).to_be_visible()
    page.evaluate("window.stayed = true")
    beside(run_errand, errand_id=Errand.objects.get().pk)
    bar = page.get_by_role("progressbar", name="Progress of embedding other")
    expect(bar).to_have_attribute("value", re.compile(r"0\.\d*[1-9]"))
    sound(page, "embedding")
    row = page.get_by_role("row", name="other")
    expect(row).to_contain_text("nothing: all are embedded", timeout=15_000)
    expect(row).to_contain_text("10")
    assert page.evaluate("window.stayed")
    assert page.locator("[hx-get]").count() == 0
