"""An admin erases a person, and a curator reviews near-duplicates and bad crops by keyboard alone."""

import os

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from annotate.campaigns.models import Group
from annotate.curation import erasure_views
from annotate.curation.erasing import erase
from annotate.curation.models import Erasure
from annotate.curation.scanning import ask_for_scan, scan
from annotate.faces.models import Face
from tests.factories import make_face


@pytest.fixture
def folders(settings, tmp_path):
    settings.STATE_DIR = tmp_path
    settings.SNAPSHOTS_DIR, settings.RUNS_DIR = tmp_path / "snapshots", tmp_path / "runs"


def sound(page):
    """Nothing for axe-core to complain of, and no scrolling sideways, on a desk and on a phone."""
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if folder := os.environ.get("SCREENSHOTS"):
            name = page.url.split("/", 3)[3].split("?")[0].replace("/", "-")
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.screenshot(path=f"{folder}/{name}{width}-{scheme}.png", full_page=True)
            page.emulate_media(color_scheme="light")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_an_admin_erases_a_person(visit, campaign, admin, curator, folders, monkeypatch):
    monkeypatch.setattr(erasure_views.erase_person, "delay", lambda erasure_id: None)
    her = campaign.groups.get().anchor
    visitor = visit(admin)
    page = visitor.page
    visitor.open(reverse("face-detail", args=[her.pk]))
    page.get_by_role("link", name="Erase this person").click()
    expect(page.get_by_role("heading", name=f"Erase {her.identity}")).to_be_visible()
    expect(page.get_by_text("loses 1 group")).to_be_visible()
    sound(page)
    page.get_by_label("Why").fill("request 7 of today")
    page.get_by_label(f"Type {her.identity} to confirm").fill("somebody else")
    page.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_text("Type it exactly")).to_be_visible()
    assert Face.objects.filter(identity=her.identity).count() == 4
    page.get_by_label(f"Type {her.identity} to confirm").fill(her.identity)
    page.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    erase(Erasure.objects.get().pk)
    expect(page.get_by_text("It is done.")).to_be_visible()
    sound(page)
    expect(page.locator(".stat", has_text="Groups voided")).to_contain_text("1")
    expect(page.locator("body")).not_to_contain_text(her.identity)
    assert not Group.objects.exists()
    visitor.expects("404")
    assert visitor.open(reverse("face-detail", args=[her.pk])).status == 404
    visitor.open(reverse("dataset-wall", args=["drawn"]))
    expect(page.locator(f'img[src="{reverse("face-crop", args=[her.pk])}"]')).to_have_count(0)
    visitor.open(reverse("erasure-list"))
    expect(page.get_by_role("row", name="request 7 of today")).to_contain_text("Faces 4")
    sound(page)
    other = visit(curator)
    other.expects("403")
    other.expects("404")
    assert other.open(reverse("face-crop", args=[her.pk])).status == 404
    assert other.open(reverse("erasure-list")).status == 403


def test_a_curator_reviews_by_keyboard(visit, dataset, curator):
    first = dataset.faces.order_by("pk").first()
    make_face(dataset, "again", identity="p0", smile=-0.9, tone=100)
    ask_for_scan(dataset, curator, timezone.now())
    scan(dataset.pk)
    visitor = visit(curator)
    page = visitor.page
    visitor.open(reverse("dataset-detail", args=["drawn"]))
    page.get_by_role("link", name="Review faces").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Review")
    sound(page)
    page.get_by_role("link", name="Near-duplicates").click()
    expect(page.locator(".review-face").first).to_be_visible()
    sound(page)
    left = page.locator(".lead").inner_text()
    page.keyboard.press("2")
    expect(page.locator(".lead")).not_to_have_text(left)
    aside = Face.objects.set_aside()
    assert aside.exists()
    page.keyboard.press("u")
    expect(page.get_by_text("taken back")).to_be_visible()
    expect(page.locator(".lead")).to_have_text(left)
    assert not aside.exists()
    visitor.open(reverse("review-list", args=["drawn", "sharpness"]))
    expect(page.locator(".review-face")).to_have_count(10)
    worst = int(page.locator("[name=face]").nth(1).input_value())
    page.keyboard.press("2")
    expect(page.get_by_role("checkbox").nth(1)).to_be_checked()
    sound(page)
    page.keyboard.press("Enter")
    expect(page.locator(f'[name=face][value="{worst}"]')).to_have_count(0)
    expect(page.locator(".review-face")).to_have_count(10)
    assert list(aside.values_list("pk", flat=True)) == [worst]
    visitor.open(reverse("review-list", args=["drawn", "set-aside"]))
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No face is set aside")).to_be_visible()
    assert first.status == "ready"
    assert not aside.exists()
