"""Every page of the application, for everybody who may open it: no violation of axe-core, no sideways
scrolling on phones, light enough, and nothing from other hosts."""

import pytest
from axe_playwright_python.base import AXE_SCRIPT

from annotate.accounts.models import Role, User
from annotate.campaigns.creation import create_campaign
from annotate.campaigns.simulation import simulate
from annotate.tournament.simulator import Manner
from annotate.training.freezing import freeze_snapshot
from annotate.training.models import Run
from annotate.training.runs import queue_run
from annotate.training.tasks import train_run
from tests.browser.addresses import STRANGER, addresses, unaccounted, unnamed
from tests.browser.walk import Screen, Walk
from tests.browser.world import furnish
from tests.factories import make_imported_triplet
from tests.training.conftest import folders, stand_in  # noqa: F401

LIGHT_DESKTOP = Screen("light", 1280, 800)
DARK_PHONE = Screen("dark", 390, 844)
BOTH = (LIGHT_DESKTOP, DARK_PHONE)
SMALLEST = 360
MOST_BYTES = 150_000
# Some of the elements that reach beyond the screen's edge.
BEYOND = """[...document.body.querySelectorAll('*')]
    .filter((one) => one.getBoundingClientRect().right > innerWidth)
    .slice(-4).map((one) => `${one.localName}.${one.className}`)"""
AXE = "axe.run({resultTypes: ['violations']}).then((found) => found.violations)"
# The same elements again in other colours, and in another place.
AXE_OF_LOOKS = AXE.replace(
    "{", "{runOnly: ['color-contrast', 'target-size', 'scrollable-region-focusable'], ", 1
)


@pytest.fixture
def everything(dataset, stand_in, annotator, curator, admin, settings):  # noqa: F811
    settings.EMAIL_HOST = "mail.invalid"
    faces = list(dataset.faces.order_by("pk"))
    for anchor in (0, 1, 14, 15):
        for i in range(12):
            trio = (faces[anchor], faces[2 + i], faces[20 + (i + anchor) % 20])
            make_imported_triplet(trio, kind="TWO_CLASS_TRIPLET")
    campaign = create_campaign(name="Drawn", dataset=dataset, groups=2, k=8, repetitions=2, gold=4).campaign
    people = [User.objects.create_user(f"person-{n}", None, role=Role.ANNOTATOR) for n in range(3)]
    simulate(campaign, people, Manner(flip=0.2, uncertain=0.1), seed=1, repetitions=[1])
    run = queue_run(freeze_snapshot(name="frozen", dataset=dataset, campaign=campaign), {}, admin)
    train_run(run_id=run.pk)
    return furnish(campaign, Run.objects.get(), admin=admin, annotator=annotator)


class Inspection(Walk):
    """A walk that notes what is wrong with the pages."""

    def __init__(self, visitor, role):
        super().__init__(visitor)
        self.role, self.wrong, self.sizes = role, [], {}

    def note(self, address, what):
        self.wrong.append(f"{address.name} ({address.path}) as {self.role}: {what}")

    def inspect(self, address, screens):
        self.open(address.path, screens[0])
        self.weigh(address)
        self.page.evaluate(AXE_SCRIPT)
        for number, screen in enumerate(screens):
            self.show(screen)
            self.measure(address, screen)
            for violation in self.page.evaluate(AXE_OF_LOOKS if number else AXE):
                where = "; ".join(
                    f"{node['target']} {node['failureSummary']}" for node in violation["nodes"][:3]
                )
                self.note(address, f"{screen}: {violation['help']}: {where}")
        narrow = screens[-1]._replace(width=SMALLEST)
        self.show(narrow)
        self.measure(address, narrow)

    def measure(self, address, screen):
        """Whether it fits without scrolling sideways."""
        across = self.page.evaluate("document.documentElement.scrollWidth")
        if across > screen.width:
            beyond = ", ".join(self.page.evaluate(BEYOND))
            self.note(address, f"is {across} px wide on a screen of {screen.width} px: {beyond}")

    def weigh(self, address):
        """What it loads, pictures aside, and from where."""
        size = 0
        for request in self.loaded:
            if not request.url.startswith((self.visitor.base_url, "data:", "blob:")):
                self.note(address, f"loads {request.url}")
            elif request.resource_type != "image":
                answer = request.response()
                length = answer.headers.get("content-length") if answer and answer.ok else None
                # What the browser has already it asks for in vain.
                self.sizes[request.url] = int(length) if length else self.sizes.get(request.url, 0)
                size += self.sizes[request.url]
        assert size > 5_000, f"{address.name} was not weighed"
        if size > MOST_BYTES:
            self.note(address, f"weighs {size:,} bytes without pictures, more than {MOST_BYTES:,}")


def screens(role, address):
    """Both; where curators and admins see about the same, each of them looks at one."""
    if {Role.CURATOR, Role.ADMIN} <= {*address.seen_by} and address.is_new_to(Role.CURATOR):
        return {Role.CURATOR: (DARK_PHONE,), Role.ADMIN: (LIGHT_DESKTOP,)}.get(role, BOTH)
    return BOTH


def test_every_page(visit, everything, annotator, curator, admin):
    assert unnamed() == []
    # What a page loads besides has more for an admin: what she and a curator see alike is hers to look at.
    users = {STRANGER: None, Role.ANNOTATOR: annotator, Role.ADMIN: admin, Role.CURATOR: curator}
    found = addresses(everything, users.values())
    assert unaccounted(found) == ""
    wrong = []
    for role, user in users.items():
        inspection = Inspection(visit(user), role)
        for address in found:
            if role in address.seen_by and address.is_new_to(role):
                inspection.inspect(address, screens(role, address))
        wrong += inspection.wrong
    assert wrong == [], "\n".join(wrong)
