"""When fine-tuning starts a run by itself, and when it does not and why."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from annotate.campaigns.creation import create_campaign
from annotate.faces.models import Dataset
from annotate.training.freezing import freeze_snapshot, make_asked_snapshot
from annotate.training.growing import set_up, standing, start_due, triplets_in, triplets_of
from annotate.training.models import Errand, Freeze, Promotion, Run, RunState, Snapshot
from annotate.training.versions import active_version
from tests.at_once import at_once
from tests.factories import make_dataset, make_face, make_imported_triplet
from tests.training.growth import answered, made_active, version_on

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
MINUTES = timedelta(minutes=5)
HOUR = timedelta(hours=1)
VALUES = {"is_on": True, "every_triplets": None, "nightly_at": None, "margin": 0.005, "replay": 0.5}


@pytest.fixture
def campaign(dataset):
    """Four groups of two candidates: eight triplets a repetition."""
    return create_campaign(name="compared", dataset=dataset, groups=4, k=2, repetitions=3).campaign


@pytest.fixture
def active(snapshot):
    """The active version, and the snapshot that it is measured on."""
    Snapshot.objects.filter(pk=snapshot.pk).update(validates=True)
    return made_active(version_on(snapshot))


def fine_tuning_of(campaign, admin, at=NOW, **values):
    return set_up(campaign, admin, at, **VALUES | values)


def test_so_many_new_triplets_start_a_run(campaign, active, admin):
    fine_tuning = fine_tuning_of(campaign, admin, every_triplets=8, replay=0.25)
    assert start_due(fine_tuning.pk, NOW) is None
    assert standing(fine_tuning, NOW).new == 0
    answered(campaign, 1)
    assert triplets_of(campaign) == 8
    freeze = start_due(fine_tuning.pk, NOW)
    assert (freeze.dataset, freeze.campaign, freeze.created_by) == (campaign.dataset, campaign, None)
    run = Run.objects.get(freeze=freeze)
    assert (run.parent, run.fine_tuning, run.state) == (active, fine_tuning, RunState.QUEUED)
    assert (run.config["backbone"], run.config["replay"], run.created_by) == ("small", 0.25, None)
    fine_tuning.refresh_from_db()
    assert (fine_tuning.triplets, fine_tuning.last_at) == (8, NOW)
    assert fine_tuning.note == f"Run {run.pk} was started from version {active.pk}: 8 new triplets."
    assert triplets_in(make_asked_snapshot(freeze.pk)) == 8


def test_not_while_a_run_of_it_is_undecided_and_not_before_as_many_again(campaign, active, admin):
    fine_tuning = fine_tuning_of(campaign, admin, every_triplets=8)
    answered(campaign, 1)
    assert start_due(fine_tuning.pk, NOW)
    answered(campaign, 2)
    assert start_due(fine_tuning.pk, NOW + HOUR) is None
    Run.objects.filter(fine_tuning=fine_tuning).update(fine_tuning=None)
    assert start_due(fine_tuning.pk, NOW + HOUR)
    Run.objects.filter(fine_tuning=fine_tuning).update(fine_tuning=None)
    assert start_due(fine_tuning.pk, NOW + 2 * HOUR) is None


def test_what_the_active_version_was_trained_on_is_not_new(campaign, active, admin):
    fine_tuning = fine_tuning_of(campaign, admin, every_triplets=1)
    answered(campaign, 1)
    made_active(version_on(freeze_snapshot(name="by hand", dataset=campaign.dataset, campaign=campaign)))
    assert standing(fine_tuning, NOW).new == 0
    assert start_due(fine_tuning.pk, NOW) is None
    answered(campaign, 2)
    assert standing(fine_tuning, NOW).new == 8


def another_data_set():
    dataset = make_dataset("other")
    trio = [make_face(dataset, name) for name in ("a", "b", "c")]
    make_imported_triplet(trio)
    return dataset


def alone():
    """A snapshot of another campaign, from before triplets of the data set were imported."""
    dataset = Dataset.objects.get(name="drawn")
    other = create_campaign(name="other", dataset=dataset, groups=2, k=2).campaign
    answered(other, 1)
    frozen = freeze_snapshot(name="alone", dataset=dataset, campaign=other)
    frozen.counts["triplets_by_source"]["imported"] = 0
    frozen.save()
    return frozen


def could_not_be_measured(why):
    Errand.objects.create(
        model_version=active_version(),
        snapshot=Snapshot.objects.get(),
        enqueued_at=NOW,
        ended_at=NOW,
        error=why,
    )


@pytest.mark.parametrize(
    ("take_away", "said"),
    [
        (lambda: Snapshot.objects.update(validates=False), "Data set drawn has no validation snapshot."),
        (lambda: Promotion.objects.all().delete(), "No model version is active."),
        (
            lambda: could_not_be_measured("It has been trained on whom the snapshot holds out."),
            "Nothing can be compared with the active version: version",
        ),
        (
            lambda: made_active(version_on(freeze_snapshot(name="o", dataset=another_data_set()))),
            "was trained on data set other, and this campaign is of drawn",
        ),
        (lambda: made_active(version_on(alone())), "was trained on triplets of other alone: none of its"),
    ],
)
@pytest.mark.usefixtures("active")
def test_what_is_missing_is_noted(campaign, admin, take_away, said):
    fine_tuning = fine_tuning_of(campaign, admin, every_triplets=8)
    answered(campaign, 1)
    take_away()
    assert start_due(fine_tuning.pk, NOW) is None
    fine_tuning.refresh_from_db()
    assert fine_tuning.note.startswith("It can not start: ")
    assert said in fine_tuning.note
    assert not Freeze.objects.exists()
    assert not Run.objects.filter(fine_tuning=fine_tuning).exists()


@pytest.mark.usefixtures("active")
def test_a_run_that_is_refused_leaves_no_freeze(campaign, active, admin):
    fine_tuning = fine_tuning_of(campaign, admin, every_triplets=8)
    answered(campaign, 1)
    Run.objects.filter(pk=active.run_id).update(config={"order": 9})
    assert start_due(fine_tuning.pk, NOW) is None
    fine_tuning.refresh_from_db()
    assert fine_tuning.note == "It can not start: order: 9 is not between 1 and 5"
    assert not Freeze.objects.exists()


@pytest.mark.usefixtures("active")
def test_every_night_by_the_installations_clock(campaign, admin, settings):
    settings.TIME_ZONE = "Asia/Shanghai"  # eight hours ahead
    answered(campaign, 1)
    fine_tuning = fine_tuning_of(campaign, admin, nightly_at=3)
    three = datetime(2026, 5, 4, 19, tzinfo=UTC)
    assert standing(fine_tuning, NOW).next_night == three
    # The night before it was set up is over.
    assert start_due(fine_tuning.pk, NOW) is None
    assert start_due(fine_tuning.pk, three - MINUTES) is None
    assert start_due(fine_tuning.pk, three)
    fine_tuning.refresh_from_db()
    assert "every night, 8 new triplets" in fine_tuning.note
    # Once a night, whatever comes in.
    Run.objects.filter(fine_tuning=fine_tuning).update(fine_tuning=None)
    answered(campaign, 2)
    assert start_due(fine_tuning.pk, three + 5 * HOUR) is None
    # Beat was down for two nights: one run.
    assert start_due(fine_tuning.pk, three + timedelta(days=2, hours=7))
    Run.objects.filter(fine_tuning=fine_tuning).update(fine_tuning=None)
    answered(campaign, 3)
    assert start_due(fine_tuning.pk, three + timedelta(days=2, hours=8)) is None
    assert start_due(fine_tuning.pk, three + timedelta(days=3))


@pytest.mark.usefixtures("active")
def test_a_night_without_anything_new_is_over(campaign, admin):
    fine_tuning = fine_tuning_of(campaign, admin, nightly_at=3)
    night = datetime(2026, 5, 5, 3, tzinfo=UTC)
    assert start_due(fine_tuning.pk, night) is None
    fine_tuning.refresh_from_db()
    assert fine_tuning.note == "Nothing new in the night of 2026-05-05: no run."
    answered(campaign, 1)
    assert start_due(fine_tuning.pk, night + HOUR) is None
    assert start_due(fine_tuning.pk, night + timedelta(days=1))


@pytest.mark.usefixtures("active")
def test_off_is_off(campaign, admin):
    answered(campaign, 1)
    fine_tuning = fine_tuning_of(campaign, admin, every_triplets=1, is_on=False)
    assert start_due(fine_tuning.pk, NOW) is None
    assert fine_tuning_of(campaign, admin, every_triplets=1) == fine_tuning
    assert start_due(fine_tuning.pk, NOW)


@pytest.mark.parametrize(
    "values",
    [{}, {"every_triplets": 0}, {"nightly_at": 24}, {"every_triplets": 5, "margin": 1.5},
     {"every_triplets": 5, "replay": 0.99}],
)  # fmt: skip
def test_what_can_not_be_set_is_refused(campaign, admin, values):
    with pytest.raises(ValidationError):
        fine_tuning_of(campaign, admin, **values)


def test_two_beats_at_once_start_one_run(transactional_db, campaign, active, admin):
    answered(campaign, 1)
    fine_tuning = fine_tuning_of(campaign, admin, every_triplets=8)
    started = at_once(lambda: start_due(fine_tuning.pk, timezone.now()), 4)
    assert sum(freeze is not None for freeze in started) == 1
    assert Run.objects.filter(fine_tuning=fine_tuning).count() == Freeze.objects.count() == 1
