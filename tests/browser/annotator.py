"""Somebody at the compare page, as the browser tests drive her, and others who answer meanwhile."""

from __future__ import annotations

import re

from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from annotate.campaigns.models import Candidate, Showing
from annotate.campaigns.voting import cast_vote

NETWORK_LOST = "Failed to load resource: net::ERR_(INTERNET_DISCONNECTED|FAILED|NETWORK_CHANGED)"
# The page takes no answer sooner than this after a comparison has been shown.
SETTLE_MS = 230
# It counts from the frame in which the comparison was painted, which on a busy machine may come late.
SETTLED = f"""() => new Promise((settled) => requestAnimationFrame(() => requestAnimationFrame(
    () => setTimeout(settled, {SETTLE_MS}))))"""


class Annotator:
    """Somebody at the compare page."""

    def __init__(self, visitor, campaign):
        self.visitor, self.page, self.campaign = visitor, visitor.page, campaign
        self.stage = self.page.locator(".stage")
        self.root = self.page.locator("[data-compare]")

    def open(self):
        self.visitor.open(reverse("compare", args=[self.campaign.pk]))
        return self

    @property
    def comparison(self):
        return int(self.stage.get_attribute("data-comparison"))

    def shown_face(self, place):
        src = self.page.locator(f'[data-place="{place}"] img').get_attribute("src")
        return int(re.search(r"/faces/(\d+)/", src)[1])

    def look(self):
        """Wait until a comparison is shown and may be answered; return its id."""
        expect(self.stage).to_have_attribute("data-state", "open")
        self.page.evaluate(SETTLED)
        return self.comparison

    def press(self, key):
        """Answer with a key, and wait until that comparison is off the screen; return its id."""
        answered = self.look()
        self.page.keyboard.press(key)
        expect(self.stage).not_to_have_attribute("data-comparison", str(answered))
        return answered

    def sees(self, state):
        expect(self.stage).to_have_attribute("data-state", state)

    def has_ahead(self, count):
        """Wait until so many more can be answered without the network."""
        expect(self.root).to_have_attribute("data-ahead", str(count))

    def has_saved(self, count):
        """Wait until the page says that the server has acknowledged so many of her answers."""
        expect(self.root).to_have_attribute("data-mine", str(count))
        expect(self.root).to_have_attribute("data-unsaved", "0")


def answer_as(annotator, comparison, vote_id=None):
    showing, _ = Showing.objects.get_or_create(
        comparison=comparison, annotator=annotator, defaults={"low_is_left": True}
    )
    cast_vote(
        vote_id=vote_id or f"00000000-0000-4000-8000-{comparison.pk:012}", showing_id=showing.pk,
        annotator=annotator, answer="left", response_ms=900, at=timezone.now(),
    )  # fmt: skip


def face_of(vote):
    """The face that a stored vote names."""
    return Candidate.objects.get(group=vote.group, slot=vote.winner).positive_id
