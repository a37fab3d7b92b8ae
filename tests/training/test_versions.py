"""Which model version is active."""

import pytest
from django.utils import timezone

from annotate.training.models import ModelVersion, Promotion
from annotate.training.runs import queue_run
from annotate.training.versions import CannotPromote, active_version, promote, roll_back

NOW = timezone.now()


@pytest.fixture
def versions(snapshot):
    return [
        ModelVersion.objects.create(run=queue_run(snapshot, {}, None), folder=f"run-{i}", evaluation={})
        for i in range(2)
    ]


def test_the_newest_promotion_names_the_active_version(versions, admin):
    first, second = versions
    assert active_version() is None
    promote(first, admin, "the first one", NOW)
    assert active_version() == first
    promote(second, None, "better by 2 points", NOW)
    assert active_version() == second
    with pytest.raises(CannotPromote, match="active one already"):
        promote(second, admin, "", NOW)
    assert Promotion.objects.count() == 2


def test_rolling_back_goes_to_the_version_before(versions, admin):
    first, second = versions
    with pytest.raises(CannotPromote, match="no version before"):
        roll_back(admin, NOW)
    promote(first, admin, "", NOW)
    with pytest.raises(CannotPromote, match="no version before"):
        roll_back(admin, NOW)
    promote(second, admin, "", NOW)
    assert roll_back(admin, NOW).model_version == first
    assert active_version() == first


def test_rolling_back_twice_goes_two_versions_back(versions, snapshot, admin):
    third = ModelVersion.objects.create(run=queue_run(snapshot, {}, None), folder="run-2", evaluation={})
    for version in (*versions, third):
        promote(version, admin, "", NOW)
    assert roll_back(admin, NOW, "it errs").reason == f"rolled back from {third}: it errs"
    assert active_version() == versions[1]
    assert roll_back(admin, NOW).model_version == versions[0]
    with pytest.raises(CannotPromote, match="no version before"):
        roll_back(admin, NOW)
    # Promoted again, it is the newest word, and the one before it the way back.
    promote(third, admin, "", NOW)
    assert roll_back(admin, NOW).model_version == versions[0]
