"""The pages around comparing, as a browser sees them: logging in, home, errors; on a desk and on a phone."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from annotate.campaigns.creation import create_campaign
from tests.browser.conftest import DESKTOP

SCREENS = {"desktop": DESKTOP, "small phone": {"viewport": {"width": 360, "height": 640}}}


def fits(page):
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("screen", SCREENS)
def test_from_logging_in_to_comparing(visit, annotator, campaign, screen):
    visitor = visit(**SCREENS[screen])
    page = visitor.page
    visitor.open(reverse("home"))
    assert fits(page)
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("correct username and password")).to_be_visible()
    page.get_by_label("Password").fill("a-password-for-ann")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Hello ann")).to_be_visible()
    assert fits(page)
    page.get_by_role("link", name="Start comparing").click()
    expect(page.locator(".stage")).to_have_attribute("data-state", "open")
    page.get_by_role("link", name="Leave").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()


@pytest.mark.parametrize("screen", SCREENS)
def test_an_admin_finds_everything_from_home(visit, admin, campaign, dataset, screen):
    create_campaign(name="Another", dataset=dataset, groups=1, k=4, repetitions=1)
    visitor = visit(admin, **SCREENS[screen])
    visitor.open(reverse("home"))
    assert fits(visitor.page)
    for name in ("Data", "Campaigns", "Snapshots", "Runs", "Models"):
        visitor.page.get_by_label("Main").get_by_role("link", name=name, exact=True).click()
        expect(visitor.page.get_by_label("Main").locator("[aria-current]")).to_have_accessible_name(name)
        assert fits(visitor.page)


def test_the_skip_link_leads_past_the_navigation(visit, annotator, campaign):
    visitor = visit(annotator)
    visitor.open(reverse("home"))
    visitor.page.keyboard.press("Tab")
    expect(visitor.page.get_by_role("link", name="Skip to the content")).to_be_focused()
    visitor.page.keyboard.press("Enter")
    visitor.page.keyboard.press("Tab")
    expect(visitor.page.get_by_role("link", name="Start comparing")).to_be_focused()


def test_an_address_that_is_not_there(visit, annotator):
    visitor = visit(annotator)
    visitor.expects("404")
    assert visitor.open("/nothing/").status == 404
    expect(visitor.page.get_by_role("heading", name="nothing at this address")).to_be_visible()


CURATORS_PAGES = [
    "dataset-list", "import-create", "campaign-list", "campaign-create", "snapshot-list", "run-list",
    "version-list", "explore", "report-list", "person-list", "invitation-list",
]  # fmt: skip
ADMINS_PAGES = ["run-create", "version-roll-back", "erasure-list", "erasure-new", "consent-text-list"]
FORBIDDEN = {"annotator": [*CURATORS_PAGES, *ADMINS_PAGES], "curator": ADMINS_PAGES}


@pytest.mark.parametrize("role", FORBIDDEN)
def test_pages_that_are_not_hers(visit, request, role):
    user = request.getfixturevalue(role)
    visitor = visit(user)
    visitor.expects("403")
    for name in FORBIDDEN[role]:
        assert visitor.open(reverse(name)).status == 403, name
        expect(visitor.page.get_by_role("heading", name="not yours to open")).to_be_visible()
        expect(visitor.page.get_by_text(f"{user} ({role})")).to_be_visible()


def test_strangers_are_led_to_log_in(visit, transactional_db):
    visitor = visit()
    for name in ("my-work", "account", *CURATORS_PAGES, *ADMINS_PAGES):
        visitor.open(reverse(name))
        assert visitor.page.url.startswith(f"{visitor.base_url}{reverse('login')}?next="), name


def test_a_form_from_before_another_login(visit, annotator):
    visitor = visit(annotator)
    visitor.expects("403")
    visitor.open(reverse("home"))
    visitor.context.clear_cookies(name="csrftoken")
    visitor.page.get_by_role("button", name="Log out").click()
    expect(visitor.page.get_by_role("heading", name="This form had expired")).to_be_visible()


def test_when_all_is_broken_the_error_page_still_is_itself(visit, live_server, monkeypatch):
    def broken(request):
        raise RuntimeError("broken for the test")

    monkeypatch.setattr("django.contrib.auth.views.LoginView.get", lambda self, request: broken(request))
    visitor = visit()
    visitor.expects("500")
    assert visitor.open(reverse("login")).status == 500
    expect(visitor.page.get_by_role("heading", name="Something broke")).to_be_visible()
    assert visitor.page.evaluate("getComputedStyle(document.querySelector('.empty')).textAlign") == "center"
