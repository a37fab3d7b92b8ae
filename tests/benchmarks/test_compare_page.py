"""The compare page on the running application: click to next pair painted, what moves, and what it weighs."""

import os
import random
import statistics
import subprocess
import sys

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.urls import reverse
from playwright.sync_api import sync_playwright

from annotate.campaigns.creation import create_campaign
from annotate.campaigns.models import Vote
from annotate.faces.models import Face
from config.environment import BASE_DIR
from tests.browser.chromium import launch
from tests.campaigns.test_load import many_faces
from tests.factories import draw_face
from tests.web import WebServer, logged_in

pytestmark = [pytest.mark.benchmark, pytest.mark.django_db(transaction=True)]
GROUPS = 200
ANSWERS = 200
WITHOUT = 40
LATENCY_MS = 150
# From seeing a pair to the click: a fast annotator's.
DECIDES_MS = 400
PAINTED = """() => {
    window.painted = [];
    window.shifts = [];
    window.empty = 0;
    const place = ({ x, y, width, height }) => [x, y, width, height];
    const moved = ({ node, previousRect, currentRect }) =>
        [node?.outerHTML ?? node?.textContent, place(previousRect), place(currentRect)];
    new PerformanceObserver((list) => shifts.push(
        ...list.getEntries().map(({ value, sources }) => ({ value, moved: sources.map(moved) }))
    )).observe({ type: "layout-shift", buffered: true });
    const stage = document.querySelector(".stage");
    let clicked = null;
    addEventListener("click", (event) => {
        clicked ??= { at: event.timeStamp, was: stage.dataset.comparison };
    }, { capture: true });
    new MutationObserver(() => {
        const { state, comparison } = stage.dataset;
        if (clicked && state !== "open") window.empty += 1;
        if (!clicked || state !== "open" || !comparison || comparison === clicked.was) return;
        const { at } = clicked;
        clicked = null;
        // A frame's callbacks run before it is painted, and what they post comes after.
        requestAnimationFrame(() => {
            const { port1, port2 } = new MessageChannel();
            port1.onmessage = () => painted.push(performance.now() - at);
            port2.postMessage(null);
        });
    }).observe(stage, { attributes: true });
}"""

BARE = """<main class="stage" data-state="open" data-comparison="0">
    <button data-answer="left"><span class="frame">left</span></button>
    <button data-answer="right"><span class="frame">right</span></button></main>
    <script>
        const stage = document.querySelector(".stage");
        stage.addEventListener("click", () => { stage.dataset.comparison++; });
    </script>"""


@pytest.fixture
def campaign(transactional_db, storages):
    """Of groups whose faces all have a picture."""
    dataset = many_faces(GROUPS)
    pictures = [draw_face(number / 10 - 1, 90 + 8 * number) for number in range(20)]
    for number, crop in enumerate(Face.objects.values_list("crop", flat=True)):
        default_storage.save(crop, ContentFile(pictures[number % 20]))
    return create_campaign(name="page", dataset=dataset, groups=GROUPS, k=16, seed=3).campaign


@pytest.fixture
def server(tmp_path):
    folders = {"FACES_DIR": str(tmp_path / "faces"), "STATIC_DIR": str(tmp_path / "static")}
    collect = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
    subprocess.run(collect, cwd=BASE_DIR, env=os.environ | folders, check=True)
    with WebServer(tmp_path / "web.log", **folders) as server:
        yield server


@pytest.fixture
def browser(monkeypatch):
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        yield launch(playwright)


def opened(browser, server, annotator, campaign, *, ahead=True):
    """Her page with the delay, showing a first pair; and what it weighed to load, in bytes."""
    address = "http://{}:{}".format(*server.address)
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.add_cookies([{"name": "sessionid", "value": logged_in(annotator), "url": address}])
    page = context.new_page()
    page.set_default_timeout(60_000)
    if not ahead:
        page.route("**/compare/queue*.js", without_queue)
    responses = []
    page.on("response", lambda response: responses.append(response))
    slow = context.new_cdp_session(page)
    conditions = {"offline": False, "latency": LATENCY_MS, "downloadThroughput": -1, "uploadThroughput": -1}
    slow.send("Network.emulateNetworkConditions", conditions)
    page.goto(address + reverse("compare", args=[campaign.pk]))
    page.locator('.stage[data-state="open"]').wait_for()
    own = [r for r in responses if r.request.resource_type in ("document", "stylesheet", "script")]
    sent = sum(
        sum(r.request.sizes()[part] for part in ("responseHeadersSize", "responseBodySize")) for r in own
    )
    return page, sent, sum(len(r.body()) for r in own)


def without_queue(route):
    """The page as it would be if it leased each comparison when it is wanted."""
    script = route.fetch().text()
    assert "const AHEAD = 10;" in script and "const FEW = 3;" in script
    script = script.replace("const AHEAD = 10;", "const AHEAD = -1;").replace("FEW = 3;", "FEW = 1;")
    route.fulfill(body=script, content_type="text/javascript")


def answer(page, times):
    """Click so often; the milliseconds from each click to the next pair's being painted."""
    page.evaluate(PAINTED)
    rng = random.Random(1)
    boxes = [page.locator(f'[data-answer="{side}"] .frame').bounding_box() for side in ("left", "right")]
    for number in range(times):
        page.wait_for_timeout(DECIDES_MS)
        box = rng.choice(boxes)
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.wait_for_timeout(100)
        while page.evaluate("painted.length") <= number:
            page.wait_for_timeout(50)
    return page.evaluate("painted")


def bare(browser, times):
    """The same of a page that does nothing but show another number: what this machine takes to paint."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_content(BARE)
    return answer(page, times)


def quantiles(times):
    percent = statistics.quantiles(times, n=100)
    return percent[49], percent[94]


def test_click_to_next_pair(report, browser, server, annotator, admin, campaign):
    page, sent, plain = opened(browser, server, annotator, campaign)
    took = answer(page, ANSWERS)
    shifts, empty = page.evaluate("shifts"), page.evaluate("empty")
    page.locator('[data-unsaved="0"]').wait_for()
    assert Vote.objects.filter(annotator=annotator).count() == ANSWERS
    machine = quantiles(bare(browser, WITHOUT))
    waiting, _, _ = opened(browser, server, admin, campaign, ahead=False)
    without = quantiles(answer(waiting, WITHOUT))
    p50, p95 = quantiles(took)
    report(f"click to next pair painted, {LATENCY_MS} ms away: p50 {p50:.0f}, p95 {p95:.0f} ms of {ANSWERS}")
    report(f"  {empty} of them had to wait for the network")
    report(f"  with none ahead: p50 {without[0]:.0f}, p95 {without[1]:.0f} ms; {p95 / without[1]:.3f} of it")
    report(f"  a page that only shows another number: p50 {machine[0]:.0f}, p95 {machine[1]:.0f} ms")
    total = sum(shift["value"] for shift in shifts)
    report(f"layout shift: {total:.4f} in {len(shifts)} shifts")
    report(f"page without pictures: {sent / 1e3:.0f} KB sent, {plain / 1e3:.0f} KB uncompressed")
    assert p95 < 100
    assert shifts == []
    assert sent < 150_000
