"""Evaluation reports: asked for, and entered once they are made. The table's one writer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from annotate.accounts.models import User
from annotate.faces.models import Dataset, Split
from annotate.insight.models import Extent, Measured, Report
from annotate.insight.report_figures import headline
from annotate.insight.report_tables import Survey, faces_of, survey
from annotate.training.jobs import Claim
from annotate.training.lineage import lineage
from annotate.training.models import ModelVersion, Snapshot

NEIGHBOURS = (1, 5, 50, 200)
# Below this there is no other face to compare with.
FEWEST_FACES = 4
# Of which pictures are looked at anew: copies of so many lie on the worker’s disk meanwhile.
MOST_PICTURES = 20_000


class CannotReport(Exception):
    """There is nothing to report on; the message says what is missing, and how to add it."""


@transaction.atomic
def ask_for_report(
    version: ModelVersion,
    dataset: Dataset,
    extent: str,
    by: User | None,
    at: datetime,
    *,
    neighbours: Sequence[int] = NEIGHBOURS,
    measured: str = Measured.EMBEDDING,
    retrain: bool = False,
) -> Report:
    """Have a report made; the caller enqueues it. One that is under way is returned as it is.

    Raises CannotReport where the data set lacks what it takes.
    """
    check_can_report(dataset, extent, takes_pictures=retrain or measured != Measured.EMBEDDING)
    report, _ = Report.objects.get_or_create(
        model_version=version, dataset=dataset, extent=extent, measured=measured, ended_at=None,
        defaults={
            "created_by": by, "enqueued_at": at, "retrain": retrain,
            "neighbours": sorted(set(neighbours)),
        },
    )  # fmt: skip
    return report


def check_can_report(dataset: Dataset, extent: str, *, takes_pictures: bool = False) -> None:
    """Raises CannotReport."""
    if takes_pictures and (count := faces_of(dataset, Extent.ALL).count()) > MOST_PICTURES:
        raise CannotReport(
            f"“{dataset}” has {count:,} faces. A network has to look at each of their pictures for this, "
            f"which is done for at most {MOST_PICTURES:,}."
        )
    found = survey(dataset, extent)
    if found.faces < FEWEST_FACES:
        of_all = survey(dataset, Extent.ALL).faces if extent == Extent.HELD_OUT else 0
        beside = f"; with all faces there are {of_all:,}" if of_all >= FEWEST_FACES else ""
        which = "held-out faces (split val)" if extent == Extent.HELD_OUT else "faces"
        raise CannotReport(
            f"“{dataset}” has {found.faces:,} {which} that are not set aside, and a report needs "
            f"{FEWEST_FACES}{beside}. Import more faces under Data."
        )
    if not (found.labelled or found.people or found.triplets):
        raise CannotReport(
            f"“{dataset}” has neither expression labels nor people nor held-out triplets, so nothing can be "
            "worked out. Import its pictures again together with a labels.csv that has the columns image, "
            "identity and expression: faces that are there already are given their labels."
        )


def enter_report(claim: Claim, figures: dict[str, Any], made_of: dict[str, Any]) -> bool:
    """Enter what came of it. False where the report is not this worker's any more."""
    said = {"figures": figures, "headline": headline(figures)[:200], "made_of": made_of}
    return bool(claim.held().update(**said))


def learnt_from(version: ModelVersion, dataset: Dataset) -> bool:
    """Whether the version, or one that it was fine-tuned from, was trained on faces of the data set."""
    return Snapshot.objects.filter(pk__in=lineage().learnt_from(version.pk), dataset=dataset).exists()


def fair_extent(version: ModelVersion, dataset: Dataset) -> str:
    """Held-out faces where it was trained on the others; all faces of a data set that it never saw."""
    if learnt_from(version, dataset) or not dataset.faces.exclude(split=Split.VAL).exists():
        return Extent.HELD_OUT
    return Extent.ALL


def changed_since(report: Report) -> Survey | None:
    """What there is to report on now, where that is not what the report was made of."""
    now = survey(report.dataset, report.extent)
    then = {name: report.made_of.get(name) for name in Survey.__dataclass_fields__}
    return None if then == vars(now) else now
