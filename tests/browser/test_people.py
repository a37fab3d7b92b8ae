"""From an invitation to a withdrawal, and what an admin does about people, as a browser sees it."""

import re

from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import expect

from annotate.accounts.models import User
from tests.browser.conftest import PHONE


def look(page):
    """A page that fits its screen, and of which axe-core has nothing to complain."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def make_invitation(visitor):
    page = visitor.page
    visitor.open(reverse("invitation-list"))
    page.get_by_label("Note").fill("Nora, room 5")
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_label("Link", exact=True).input_value()
    look(page)
    return link


def publish_consent(visitor):
    page = visitor.page
    visitor.open(reverse("consent-text-list"))
    page.get_by_role("link", name="Write it").click()
    page.get_by_label("Text", exact=True).fill("# Your data\n\nAnswers are kept **for ten years**.")
    expect(page.locator(".prose h2")).to_have_text("Your data")
    look(page)
    page.get_by_role("button", name="Save and read").click()
    page.get_by_role("button", name="Publish version 1").click()
    expect(page.get_by_text("Version 1 is in force")).to_be_visible()
    look(page)


def register(hers, link):
    page = hers.page
    page.goto(link)
    look(page)
    page.get_by_label("Username").fill("nora")
    page.get_by_label("Password", exact=True).fill("nora")
    page.get_by_label("Password confirmation").fill("nora")
    page.get_by_role("button", name="Make my account").click()
    expect(page.get_by_text("too short")).to_be_visible()
    page.get_by_label("Password", exact=True).fill("quite-a-good-one")
    page.get_by_label("Password confirmation").fill("quite-a-good-one")
    page.get_by_role("button", name="Make my account").click()
    expect(page.get_by_role("heading", name="Hello nora")).to_be_visible()
    look(page)


def consent_in_chinese(hers):
    page = hers.page
    page.get_by_role("button", name="简体中文").click()
    expect(page.get_by_role("heading", name="nora，您好")).to_be_visible()
    page.get_by_role("link", name="开始比较").click()
    expect(page.get_by_role("heading", name="开始比较之前")).to_be_visible()
    look(page)
    with page.expect_navigation():
        page.get_by_role("button", name="我已阅读并同意").click()
    # From here to the comparisons there may be instructions to read.
    page.goto(hers.base_url + reverse("account"))
    look(page)
    page.get_by_role("button", name="English").click()


def withdraw(hers):
    page = hers.page
    page.get_by_role("link", name="Read it").click()
    expect(page.get_by_text("accepted on")).to_be_visible()
    page.get_by_role("link", name="Withdraw").click()
    expect(page.get_by_label("It may be kept")).to_be_visible()
    look(page)
    page.get_by_label("It may be kept").check()
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_text("You are asked nothing more")).to_be_visible()
    page.get_by_role("link", name="Start comparing").click()
    expect(page.get_by_role("heading", name="Before you compare")).to_be_visible()


def shut_out(desk):
    page = desk.page
    desk.open(reverse("person-list"))
    look(page)
    page.get_by_label("Name", exact=True).type("nor")
    expect(page.get_by_role("region", name="People").get_by_role("link", name="ada")).to_be_hidden()
    page.get_by_role("link", name="nora").click()
    expect(page.get_by_text("Nora, room 5")).to_be_visible()
    page.get_by_role("button", name="Make a link").click()
    expect(page.get_by_label("Link", exact=True)).to_have_value(re.compile("/password/"))
    look(page)
    page.get_by_role("button", name="Deactivate nora").click()
    expect(page.get_by_text("logged out everywhere")).to_be_visible()


def test_invited_she_registers_consents_compares_and_withdraws(visit, admin, campaign):
    desk = visit(admin)
    publish_consent(desk)
    link = make_invitation(desk)
    hers = visit(**PHONE)
    register(hers, link)
    consent_in_chinese(hers)
    withdraw(hers)
    for name in ("my-work", "token-list", "password_change"):
        hers.open(reverse(name))
        look(hers.page)
    # The admin finds her, and shuts her out: her next click leads to the login.
    shut_out(desk)
    hers.open(reverse("home"))
    expect(hers.page.get_by_role("button", name="Log in")).to_be_visible()
    assert not User.objects.get(username="nora").is_active


def test_who_fails_too_often_is_told_for_how_long(visit, annotator, settings):
    settings.AXES_FAILURE_LIMIT = 2
    visitor = visit(**PHONE)
    visitor.expects("429")
    visitor.open(reverse("login"))
    for _ in range(2):
        visitor.page.get_by_label("Username").fill("ann")
        visitor.page.get_by_label("Password").fill("wrong")
        visitor.page.get_by_role("button", name="Log in").click()
    expect(visitor.page.get_by_text("for 15 minutes")).to_be_visible()
    look(visitor.page)
