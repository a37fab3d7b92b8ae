"""One person's way through pages, each looked at on several screens."""

from __future__ import annotations

import time
from typing import NamedTuple

MOST_SECONDS = 10
# Pictures follow the size of the screen, and what moves comes to its end.
PAINTED = """new Promise((done) => {
    const moves = (one) => Number.isFinite(one.effect.getComputedTiming().endTime)
    let quiet = 0
    const look = () => {
        quiet = document.getAnimations().some(moves) ? 0 : quiet + 1
        quiet > 1 ? done(true) : requestAnimationFrame(look)
    }
    requestAnimationFrame(look)
})"""


class Screen(NamedTuple):
    theme: str
    width: int
    height: int

    def __str__(self):
        return f"{self.theme}, {self.width} px"


class Walk:
    """A visitor (conftest.py) going from page to page. `loaded` is what the present page has asked for."""

    def __init__(self, visitor):
        self.visitor, self.page = visitor, visitor.page
        self.loaded, self._pending = [], set()
        self.page.on("request", self._begun)
        for event in ("requestfinished", "requestfailed"):
            self.page.on(event, self._ended)

    def _begun(self, request):
        self.loaded.append(request)
        self._pending.add(request)

    def _ended(self, request):
        self._pending.discard(request)

    def open(self, path, screen):
        """Go there, and wait for what the page loads by itself."""
        self._turn_to(screen)
        self.loaded.clear()
        self.visitor.open(path)
        self.settle()

    def show(self, screen):
        """The same page on another screen."""
        self._turn_to(screen)
        self.page.evaluate(PAINTED)

    def _turn_to(self, screen):
        self.page.emulate_media(color_scheme=screen.theme, reduced_motion="reduce")
        self.page.set_viewport_size({"width": screen.width, "height": screen.height})

    def settle(self):
        """Until nothing is under way any more."""
        give_up = time.monotonic() + MOST_SECONDS
        self.page.wait_for_timeout(10)
        while self._pending and time.monotonic() < give_up:
            self.page.wait_for_timeout(10)
