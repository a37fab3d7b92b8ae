"""The export page in a real Chromium: the count follows the choices, the file is what was counted, and a
snapshot is asked for in place."""

import csv

from playwright.sync_api import expect

from annotate.accounts.models import Role, User
from annotate.campaigns.simulation import simulate
from annotate.tournament.simulator import Manner
from annotate.training.freezing import make_asked_snapshot
from annotate.training.models import Freeze
from tests.training.conftest import folders  # noqa: F401


def test_from_choosing_to_a_file_and_a_snapshot(visit, curator, campaign, folders):  # noqa: F811
    people = [User.objects.create_user(f"p{n}", None, role=Role.ANNOTATOR) for n in range(2)]
    simulate(campaign, people, Manner(), seed=1)
    visitor = visit(curator)
    page = visitor.page
    visitor.open(f"/campaigns/{campaign.pk}/")
    page.get_by_role("link", name="Export", exact=True).first.click()
    said = page.get_by_label("What the file will hold")

    # Seven comparisons of a clean bracket of 8; a pair that is known is two triplets.
    expect(said).to_contain_text("Direct7")
    page.get_by_label("inferred:").uncheck()
    expect(said).to_contain_text("Triplets7")
    page.get_by_label("direct:").uncheck()
    expect(said).to_contain_text("Choose at least one kind of triplets.")
    page.get_by_label("direct:").check()
    page.get_by_label("Minimum confidence").press_sequentially("0.51")
    expect(said).to_contain_text("Direct7")
    page.get_by_label("FEC:").check()
    with page.expect_download() as started:
        page.get_by_role("button", name="Download").click()
    assert started.value.suggested_filename == "drawn-faces-fec.csv"
    with started.value.path().open(newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) == 7
    assert all(row[17] == "3" for row in rows)

    page.get_by_label("Name of the snapshot").fill("for the paper")
    page.get_by_role("button", name="Freeze a snapshot").click()
    page.get_by_text("“for the paper” of Drawn faces is being made").wait_for()
    make_asked_snapshot(Freeze.objects.get().pk)
    page.get_by_role("row", name="for the paper").wait_for()
    assert page.locator('[hx-trigger="every 2s"]').count() == 0
