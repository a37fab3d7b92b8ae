"""What a worker does with a report: has what is missing embedded, then the network's `report` work it out.

The files that it is made from go with the work; an erasure waits until they are gone. Where pictures are
looked at, which takes long, an erasure that waits goes first, and the report is begun anew.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from annotate.insight.models import Extent, Measured, Report
from annotate.insight.report_tables import EMBEDDINGS, LABELS, TRIPLETS, faces_of, write_tables
from annotate.insight.reports import CannotReport, check_can_report, enter_report
from annotate.training.crops_at_hand import crops_at_hand
from annotate.training.errand_worker import embed_missing
from annotate.training.job_worker import ASIDE, Failed, Stopped, Watch, run_command
from annotate.training.scratch import scratch_folder
from annotate.training.shared_folders import checkpoint_at_hand
from annotate.training.snapshot_alteration import somebody_waits_to_erase, while_nobody_is_erased

# Of the whole work, where faces have to be embedded.
EMBEDDING_SHARE = 0.5
# Until an erasure that waited has its lock.
AFTER_YOU_SECONDS = 1.0

Made = tuple[dict[str, Any], dict[str, Any]]


class ErasureWaits(Exception):
    """The copies of faces have to go first."""


class WatchForErasures:
    """As the watch that it stands for, but a beat raises ErasureWaits where one waits."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.hear = watch.hear

    def beat(self) -> None:
        """Raises Stopped, too."""
        self._watch.beat()
        if somebody_waits_to_erase():
            raise ErasureWaits


def make(report: Report, watch: Watch) -> None:
    """Make it. Raises Failed and Stopped."""
    figures, made_of = _with_pictures(report, watch) if report.takes_pictures else _of_stored(report, watch)
    if not figures:
        raise Failed("The report ended well but printed no figures; the worker's log says more.")
    if not enter_report(watch.claim, figures, made_of):
        raise Stopped


def _of_stored(report: Report, watch: Watch) -> Made:
    """By the embeddings that are stored; figures, and what they are made of."""
    version, dataset = report.model_version, report.dataset
    if dataset.faces.exclude(embeddings__model_version=version).exists():
        watch.enter_stage("embedding faces", share=EMBEDDING_SHARE)
        embed_missing(version, dataset, watch)
    watch.enter_stage("working out figures", begun=EMBEDDING_SHARE, share=1 - EMBEDDING_SHARE)
    with while_nobody_is_erased(), scratch_folder() as folder:
        _check(report)
        made_of = write_tables(version, dataset, report.extent, folder)
        source = ["--embeddings", str(folder / EMBEDDINGS)]
        return run_command(_command(report, source, folder, ["--events", "-"]), watch), made_of


def _with_pictures(report: Report, watch: Watch) -> Made:
    """By a network that looks at all crops; figures, and what they are made of."""
    while True:
        watch.enter_stage("looking at pictures")
        try:
            with while_nobody_is_erased():
                return _looked_at(report, WatchForErasures(watch))
        except ErasureWaits:
            watch.enter_stage("waiting for an erasure")
            time.sleep(AFTER_YOU_SECONDS)


def _looked_at(report: Report, watch: WatchForErasures) -> Made:
    _check(report)
    faces = list(faces_of(report.dataset, Extent.ALL).order_by("pk"))
    with checkpoint_at_hand(report.model_version) as checkpoint, crops_at_hand(faces) as crops:
        if crops.missing:
            raise Failed(
                f"The pictures of {len(crops.missing)} faces are missing in storage or not what was "
                f"imported, the first is that of {crops.missing[0]}. Restore them from a backup, then ask "
                "again."
            )
        folder = crops.folder.parent
        made_of = write_tables(report.model_version, report.dataset, report.extent, folder, embedded=False)
        source = ["--checkpoint", str(checkpoint), "--faces", str(crops.folder)]
        source += ["--identity-branch"] if report.measured == Measured.IDENTITY else []
        source += ["--retrain"] if report.retrain else []
        return run_command(_command(report, source, folder, ASIDE), watch), made_of


def _check(report: Report) -> None:
    """Faces may have gone since it was asked for. Raises Failed."""
    try:
        check_can_report(report.dataset, report.extent, takes_pictures=report.takes_pictures)
    except CannotReport as error:
        raise Failed(str(error)) from error


def _command(report: Report, source: list[str], folder: Path, aside: list[str]) -> list[str]:
    triplets = folder / TRIPLETS
    return [
        "report", *source, "--labels", str(folder / LABELS),
        *(["--triplets", str(triplets)] if triplets.exists() else []),
        "--split", report.extent, "--k", *(str(k) for k in report.neighbours), *aside,
    ]  # fmt: skip
