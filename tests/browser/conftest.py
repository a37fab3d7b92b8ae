"""Drives a real Chromium against the live server, and fails a test whose page complains in its console."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.signals import request_finished, request_started
from django.test import Client
from playwright.sync_api import sync_playwright

from annotate.campaigns.creation import create_campaign
from tests.browser.annotator import Annotator
from tests.browser.chromium import NoChromium, launch
from tests.factories import make_dataset, make_face

HERE = Path(__file__).parent
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="package")
def browser():
    """One for all tests of this folder, and gone after them: others may have theirs."""
    with sync_playwright() as playwright:
        # Playwright's event loop runs in this thread; Django would take the tests' own queries for a mistake.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
        try:
            browser = launch(playwright)
        except NoChromium as error:
            pytest.fail(str(error), pytrace=False)
        yield browser
        browser.close()
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


class Visitor:
    """One person at one screen. `problems` collects what her browser's console complains of."""

    def __init__(self, context, base_url):
        self.context, self.base_url = context, base_url
        self.problems, self.expected = [], []
        context.add_init_script(
            "document.addEventListener('securitypolicyviolation', (event) =>"
            " console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`))"
        )
        self.page = context.new_page()
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))

    def _note(self, message):
        if message.type in ("error", "warning"):
            self.problems.append(message.text)

    def expects(self, pattern):
        """Complaints that match belong to what the test does (a lost network, a refused answer)."""
        self.expected.append(pattern)

    def unexpected(self):
        return [text for text in self.problems if not any(re.search(p, text) for p in self.expected)]

    def log_in(self, user):
        client = Client()
        client.force_login(user)
        cookie = client.cookies[django_settings.SESSION_COOKIE_NAME]
        self.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": self.base_url}])

    def open(self, path):
        return self.page.goto(self.base_url + path)


@pytest.fixture
def quiet(live_server):
    """Ends a test only when the server is idle: emptying the tables would deadlock with a late request."""
    running = []

    def started(**_):
        running.append(1)

    def finished(**_):
        running.pop()

    request_started.connect(started)
    request_finished.connect(finished)
    yield
    idle_since, give_up = time.monotonic(), time.monotonic() + 10
    while time.monotonic() < min(idle_since + 0.1, give_up):
        if running:
            idle_since = time.monotonic()
        time.sleep(0.01)
    request_started.disconnect(started)
    request_finished.disconnect(finished)


@pytest.fixture
def visit(browser, live_server, quiet):
    """Makes visitors: visit(user, **context options)."""
    visitors = []

    def make(user=None, **options):
        visitor = Visitor(browser.new_context(**{**DESKTOP, **options}), live_server.url)
        visitor.page.set_default_timeout(10_000)
        visitors.append(visitor)
        if user is not None:
            visitor.log_in(user)
        return visitor

    yield make
    for visitor in visitors:
        visitor.page.unroute_all(behavior="ignoreErrors")
        visitor.context.close()
    assert [visitor.unexpected() for visitor in visitors] == [[] for _ in visitors]


@pytest.fixture
def dataset(transactional_db, storages):
    """Ten people with four expressions each, labelled."""
    dataset = make_dataset()
    for person in range(10):
        for number, name in enumerate(("glum", "cool", "calm", "glad")):
            make_face(
                dataset, f"p{person}-{name}", identity=f"p{person}", expression=name,
                smile=number * 0.6 - 0.9, tone=100 + 15 * person,
            )  # fmt: skip
    return dataset


@pytest.fixture
def campaign(dataset):
    """One group of 8 and one repetition: a bracket of seven comparisons."""
    return create_campaign(name="Drawn faces", dataset=dataset, groups=1, k=8, repetitions=1, seed=3).campaign


@pytest.fixture
def ann(visit, annotator, campaign):
    """At that campaign's compare page, once she opens it."""
    return Annotator(visit(annotator), campaign)
