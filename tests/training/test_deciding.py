"""What comes of a run that fine-tuning launched: when its version is promoted, when kept, and why."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from annotate.campaigns.creation import create_campaign
from annotate.training.deciding import decide
from annotate.training.freezing import freeze_snapshot
from annotate.training.growing import set_up, standing, start_due
from annotate.training.models import (
    Decision,
    Errand,
    FineTuning,
    ModelVersion,
    Promotion,
    Run,
    RunState,
    Snapshot,
    Verdict,
)
from annotate.training.versions import active_version
from tests.at_once import at_once
from tests.factories import make_dataset, make_face, make_imported_triplet
from tests.training.growth import answered, made_active, measured, version_on

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def parent(snapshot):
    Snapshot.objects.filter(pk=snapshot.pk).update(validates=True)
    return made_active(version_on(snapshot))


@pytest.fixture
def fine_tuning(dataset, parent, admin):
    """One that has just started a run."""
    campaign = create_campaign(name="compared", dataset=dataset, groups=4, k=2, repetitions=2).campaign
    answered(campaign, 1)
    values = {"is_on": True, "every_triplets": 8, "nightly_at": None, "margin": 0.01, "replay": 0.5}
    fine_tuning = set_up(campaign, admin, NOW, **values)
    assert start_due(fine_tuning.pk, NOW)
    fine_tuning.refresh_from_db()
    return fine_tuning


def ended(fine_tuning, state, error=""):
    """Its run, at an end."""
    run = Run.objects.get(fine_tuning=fine_tuning, decision=None)
    run.state, run.error, run.ended_at = state, error, timezone.now()
    run.snapshot = run.parent.run.snapshot
    run.save()
    return run


@pytest.fixture
def version(fine_tuning):
    """What the run gave."""
    run = ended(fine_tuning, RunState.SUCCEEDED)
    return ModelVersion.objects.create(run=run, folder="tuned", evaluation={})


@pytest.mark.parametrize(
    ("new", "old", "verdict", "said"),
    [
        (0.78, 0.75, Verdict.PROMOTED, "3.0 points better (standard error 1.9), where 1 are asked for."),
        (0.76, 0.75, Verdict.PROMOTED, "Up to 3.8 points may be chance. The margin is smaller than chance."),
        (0.755, 0.75, Verdict.KEPT, "75.5 % against 75.0 % of 1,000 held-out triplets: 0.5 points better"),
        (0.75, 0.75, Verdict.KEPT, "0.0 points better"),
        (0.60, 0.75, Verdict.KEPT, "15.0 points worse"),
    ],
)
def test_promoted_only_if_better_by_the_margin(
    fine_tuning, version, parent, snapshot, new, old, verdict, said
):
    snapshot.refresh_from_db()
    assert decide(fine_tuning.pk, NOW) is None
    measured(parent, snapshot, old)
    assert decide(fine_tuning.pk, NOW) is None
    fine_tuning.refresh_from_db()
    assert fine_tuning.note == f"Version {version.pk} is being measured on frozen {snapshot.sha256[:8]}."
    measured(version, snapshot, new)
    decision = decide(fine_tuning.pk, NOW)
    assert (decision.verdict, decision.against, decision.snapshot) == (verdict, parent, snapshot)
    assert (decision.accuracy, decision.accuracy_against) == (new, old)
    assert said in decision.reason
    fine_tuning.refresh_from_db()
    assert decision.reason in fine_tuning.note
    promoted = verdict == Verdict.PROMOTED
    assert active_version() == (version if promoted else parent)
    if promoted:
        promotion = Promotion.objects.last()
        assert (promotion.by, promotion.at) == (None, NOW)
        assert "Fine-tuning by compared. Better than" in promotion.reason
    assert decide(fine_tuning.pk, NOW) is None


def test_a_margin_of_nothing_still_asks_for_something(fine_tuning, version, parent, snapshot):
    FineTuning.objects.update(margin=0)
    measured(parent, snapshot, 0.75)
    measured(version, snapshot, 0.75)
    assert decide(fine_tuning.pk, NOW).verdict == Verdict.KEPT


def test_it_is_compared_with_what_is_active_now(fine_tuning, version, parent, snapshot):
    measured(parent, snapshot, 0.7)
    measured(version, snapshot, 0.75)
    other = made_active(version_on(snapshot))
    assert decide(fine_tuning.pk, NOW) is None
    measured(other, snapshot, 0.9)
    decision = decide(fine_tuning.pk, NOW)
    assert (decision.verdict, decision.against) == (Verdict.KEPT, other)
    assert active_version() == other


def test_only_what_is_measured_on_the_snapshot_as_it_is_counts(fine_tuning, version, parent, snapshot):
    for one, accuracy in ((parent, 0.7), (version, 0.9)):
        measured(one, snapshot, accuracy)
    Snapshot.objects.filter(pk=snapshot.pk).update(sha256="1" * 64)
    assert decide(fine_tuning.pk, NOW) is None
    assert active_version() == parent


def test_without_a_validation_snapshot_it_waits(fine_tuning, version):
    Snapshot.objects.update(validates=False)
    assert decide(fine_tuning.pk, NOW) is None
    fine_tuning.refresh_from_db()
    assert fine_tuning.note == f"Version {version.pk} waits: its data set has no validation snapshot."


def test_somebody_was_quicker(fine_tuning, version):
    made_active(version)
    decision = decide(fine_tuning.pk, NOW)
    assert decision.verdict == Verdict.PROMOTED
    assert "Somebody promoted it" in decision.reason
    assert Promotion.objects.count() == 2


def test_switched_off_meanwhile_nothing_is_promoted(fine_tuning, version, parent, snapshot):
    FineTuning.objects.update(is_on=False)
    measured(parent, snapshot, 0.7)
    measured(version, snapshot, 0.9)
    decision = decide(fine_tuning.pk, NOW)
    assert decision.verdict == Verdict.KEPT
    assert "switched off meanwhile" in decision.reason
    assert active_version() == parent


def test_what_can_not_be_measured_is_kept(fine_tuning, version, parent, snapshot):
    measured(parent, snapshot, 0.7)
    at = timezone.now()
    Errand.objects.create(
        model_version=version, snapshot=snapshot, enqueued_at=at, ended_at=at, error="No space left"
    )
    decision = decide(fine_tuning.pk, NOW)
    assert decision.verdict == Verdict.KEPT
    assert decision.reason == (
        f"It could not be compared: version {version.pk} could not be measured on {snapshot}: No space left"
    )


def test_a_version_of_another_data_set_is_active_now(fine_tuning, version):
    dataset = make_dataset("other")
    make_imported_triplet([make_face(dataset, name) for name in ("a", "b", "c")])
    other = made_active(version_on(freeze_snapshot(name="other", dataset=dataset)))
    decision = decide(fine_tuning.pk, NOW)
    assert (decision.verdict, decision.against) == (Verdict.KEPT, other)
    assert f"version {other.pk} is active now, of another data set" in decision.reason


def test_a_cancelled_run_is_noted_and_its_triplets_are_not_new_again(fine_tuning):
    ended(fine_tuning, RunState.CANCELLED)
    assert decide(fine_tuning.pk, NOW).verdict == Verdict.CANCELLED
    fine_tuning.refresh_from_db()
    assert "was cancelled" in fine_tuning.note
    assert (fine_tuning.is_on, fine_tuning.failures) == (True, 0)
    assert start_due(fine_tuning.pk, NOW + 2 * HOUR) is None


def test_a_failed_run_is_tried_again_and_the_third_in_a_row_switches_it_off(fine_tuning, admin):
    for failure in (1, 2, 3):
        at = NOW + failure * 2 * HOUR
        run = ended(fine_tuning, RunState.FAILED, f"No GPU {failure}.")
        assert decide(fine_tuning.pk, at).verdict == Verdict.FAILED
        fine_tuning.refresh_from_db()
        assert (fine_tuning.failures, fine_tuning.is_on) == (failure, failure < 3)
        assert f"No GPU {failure}." in fine_tuning.note
        # Not at once, and not only when as many have come again.
        assert start_due(fine_tuning.pk, fine_tuning.last_at + HOUR / 2) is None
        assert (start_due(fine_tuning.pk, at) is not None) == (failure < 3)
    assert fine_tuning.note.startswith("It switched itself off: 3 runs in a row failed")
    assert str(run) in fine_tuning.note
    # Switched on again it forgets them, and their triplets are new.
    set_up(fine_tuning.campaign, admin, at, is_on=True)
    fine_tuning.refresh_from_db()
    assert (fine_tuning.failures, fine_tuning.note) == (0, "")
    assert standing(fine_tuning, at).new == 8
    assert start_due(fine_tuning.pk, at)


def test_a_success_between_failures_counts(fine_tuning, parent, snapshot):
    FineTuning.objects.update(failures=2)
    run = ended(fine_tuning, RunState.SUCCEEDED)
    version = ModelVersion.objects.create(run=run, folder="tuned", evaluation={})
    for one in (parent, version):
        measured(one, snapshot, 0.7)
    decide(fine_tuning.pk, NOW)
    fine_tuning.refresh_from_db()
    assert fine_tuning.failures == 0


def test_two_beats_at_once_decide_once(transactional_db, fine_tuning, version, parent, snapshot):
    measured(parent, snapshot, 0.7)
    measured(version, snapshot, 0.9)
    decided = at_once(lambda: decide(fine_tuning.pk, NOW), 4)
    assert sum(decision is not None for decision in decided) == 1
    assert Decision.objects.count() == 1
    assert Promotion.objects.count() == 2
