"""Fine-tuning by a campaign in a real Chromium: what is missing leads on, and the note says what it does."""

import pytest
from django.utils import timezone

from annotate.campaigns.creation import create_campaign
from annotate.training.growing import start_due
from annotate.training.models import FineTuning, Snapshot
from tests.browser.conftest import PHONE
from tests.training.conftest import dataset, folders, snapshot  # noqa: F401
from tests.training.growth import answered, made_active, version_on

pytestmark = pytest.mark.usefixtures("transactional_db")


def test_an_admin_sets_it_up_and_a_curator_reads_what_it_did(visit, admin, curator, snapshot):  # noqa: F811
    made = create_campaign(name="compared", dataset=snapshot.dataset, groups=4, k=2, repetitions=1)
    campaign = made.campaign
    visitor = visit(admin)
    page = visitor.page
    visitor.open(f"/campaigns/{campaign.pk}/")
    page.get_by_role("link", name="Fine-tuning").click()
    page.get_by_text("No model version is active.").wait_for()
    assert (
        page.get_by_role("link", name="Name one among the snapshots").get_attribute("href") == "/snapshots/"
    )
    page.get_by_label("After so many new triplets").fill("8")
    page.get_by_label("Every night").select_option("at 03:00")
    page.get_by_label("Margin, in points of accuracy").fill("1.5")
    page.get_by_role("button", name="Set up").click()
    page.get_by_text("Fine-tuning is set.").wait_for()
    page.get_by_text("After 8 more triplets, or in the night").wait_for()
    fine_tuning = FineTuning.objects.get()
    assert (fine_tuning.every_triplets, fine_tuning.nightly_at, fine_tuning.margin) == (8, 3, 0.015)

    answered(campaign, 1)
    start_due(fine_tuning.pk, timezone.now())
    visitor.open(f"/campaigns/{campaign.pk}/fine-tuning/")
    page.get_by_text("It can not start: Data set drawn has no validation snapshot.").wait_for()
    Snapshot.objects.update(validates=True)
    made_active(version_on(snapshot))
    start_due(fine_tuning.pk, timezone.now())

    reader = visit(curator, **PHONE).page
    reader.goto(page.url)
    reader.get_by_text("8 new triplets.").wait_for()
    assert reader.get_by_role("listitem").filter(has_text="queued").count() == 1
    assert reader.get_by_role("button", name="Save").count() == 0
