"""Takes the pictures of docs/screenshots: loads a demo, goes to each of its pages, and writes small files."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from django.core.management import call_command
from PIL import Image
from playwright.sync_api import sync_playwright

from annotate.accounts.models import User
from annotate.campaigns.gold import draw_gold_from_triplets
from annotate.demo import loading
from annotate.training.models import Run
from annotate.training.tasks import train_run
from tests.browser.addresses import STRANGER, Address, addresses
from tests.browser.chromium import launch
from tests.browser.conftest import Visitor
from tests.browser.walk import Screen, Walk
from tests.browser.world import Values, furnish

SCREENS = {
    f"{device}-{theme}": Screen(theme, width, height)
    for device, width, height in (("desktop", 1280, 800), ("phone", 390, 844))
    for theme in ("light", "dark")
}
# A page that several may open is shown as the first of them sees it.
ROLES = (STRANGER, "annotator", "curator", "admin")
# What is called otherwise; the start page looks quite different to an admin.
CALLED = {("home", "admin"): "overview", ("join", STRANGER): "invitation"}
WEBP_QUALITY = 55
# Enough for a curve to be seen.
EPOCHS = 6
GOLD = 40

Say = Callable[[str], None]


def load(say: Say) -> Values:
    """Fill the empty database; returns the values of the addresses' parameters."""
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    loading.TRAINING["epochs"] = EPOCHS
    run = loading.load_demo(lambda what, done, total: say(what) if done == total else None)
    draw_gold_from_triplets(run.snapshot.campaign, GOLD)
    say("training")
    train_run(run_id=run.pk)
    users = {name: User.objects.get(username=name) for name in ("admin", "annotator")}
    return furnish(run.snapshot.campaign, Run.objects.get(), **users)


def photograph(base_url: str, values: Values, folder: Path, wanted: set[str], say: Say) -> set[Path]:
    """Write the pictures of the wanted pages, of all where none is named; returns their paths."""
    users = {role: User.objects.filter(username=role).first() for role in ROLES}
    found = addresses(values, users.values())
    made: set[Path] = set()
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for role, user in users.items():
            visitor = Visitor(browser.new_context(), base_url)
            if user:
                visitor.log_in(user)
            walk = Walk(visitor)
            for address in found:
                name = _name(address, role)
                if name and (not wanted or name in wanted):
                    say(f"{name}, as {role}")
                    made |= _take(walk, address, folder / name)
            visitor.context.close()
        browser.close()
    return made


def _name(address: Address, role: str) -> str:
    """What the picture of this page is called; empty where it is somebody else's to take."""
    is_hers = role in address.seen_by and role == next(one for one in ROLES if one in address.seen_by)
    return CALLED.get((address.name, role), address.name.replace("_", "-") if is_hers else "")


def _take(walk: Walk, address: Address, base: Path) -> set[Path]:
    made = set()
    for name, screen in SCREENS.items():
        if name.endswith("light"):
            walk.open(address.path, screen)
        walk.show(screen)
        # What comes into view only now, and pictures that are being decoded.
        walk.page.wait_for_timeout(150)
        walk.settle()
        picture = Image.open(io.BytesIO(walk.page.screenshot()))
        path = base.with_name(f"{base.name}-{name}.webp")
        picture.convert("RGB").save(path, "WEBP", quality=WEBP_QUALITY, method=6)
        made.add(path)
    return made
