"""The fixed measure of a data set: one snapshot's held-out triplets, on which no version is trained.

Held out are faces and, since a face of the same person tells about them, people. Which is named, who would
not be measured fairly, what a version reaches.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from annotate.accounts.models import User
from annotate.faces.models import Dataset, Split
from annotate.training import curves
from annotate.training.errands import ask_to_measure
from annotate.training.lineage import lineage
from annotate.training.models import Errand, ModelVersion, Snapshot, Validation
from annotate.training.snapshot_store import open_file


class CannotValidate(Exception):
    """Nothing was changed; the message says why this snapshot measures nothing, and what to do."""


@dataclass(frozen=True)
class HeldOut:
    """The faces and people on which a snapshot's accuracy is measured."""

    faces: frozenset[str]
    people: frozenset[str]


def validation_snapshot(dataset: Dataset) -> Snapshot | None:
    """The snapshot that this data set's versions are measured on; None where none is named."""
    return Snapshot.objects.filter(dataset=dataset, validates=True).first()


def accuracy_on(version: ModelVersion, snapshot: Snapshot) -> float | None:
    """The one figure (0 to 1) of a version on a snapshot; None where it is not measured as it is now.

    What was measured before a person was taken out of the snapshot is not comparable with what was after.
    """
    found = Validation.objects.filter(model_version=version, snapshot=snapshot, sha256=snapshot.sha256)
    validation = found.first()
    return curves.headline(validation.report) if validation else None


def leaks(snapshot: Snapshot) -> str | None:
    """Why no version may be trained on this snapshot: its data set's validation snapshot holds out some of
    whom it trains on. None where nothing is in the way."""
    validation = validation_snapshot(snapshot.dataset)
    if validation is None:
        return None
    try:
        return _leak(snapshot, validation, held_out(validation))
    except FileNotFoundError as error:
        return (
            f"The validation snapshot “{validation}” can not be read ({error.filename}), so nobody knows "
            "whom it holds out. Restore its folder from a backup, or name another validation snapshot."
        )


def unfair_to(version: ModelVersion, validation: Snapshot) -> str | None:
    """Why a version's accuracy on this snapshot would say nothing: it, or a version that it was fine-tuned
    from, has been trained on whom the snapshot holds out. Raises FileNotFoundError where that is gone."""
    held = held_out(validation)
    learnt_from = Snapshot.objects.filter(pk__in=lineage().learnt_from(version.pk)).order_by("pk")
    return next(filter(None, (_leak(snapshot, validation, held) for snapshot in learnt_from)), None)


def unfair_versions(validation: Snapshot) -> list[ModelVersion]:
    """Those versions of its data set that were trained on whom the snapshot holds out."""
    held, known = held_out(validation), lineage()
    of_dataset = ModelVersion.objects.filter(run__snapshot__dataset=validation.dataset_id)
    versions = list(of_dataset.select_related("run__snapshot").order_by("pk"))
    learnt_from = {version.pk: known.learnt_from(version.pk) for version in versions}
    leaking = {
        snapshot.pk
        for snapshot in Snapshot.objects.filter(pk__in=set().union(*learnt_from.values()))
        if _leak(snapshot, validation, held)
    }
    return [version for version in versions if learnt_from[version.pk] & leaking]


@transaction.atomic
def name_validation_snapshot(snapshot: Snapshot, by: User, at: datetime) -> list[Errand]:
    """Measure all versions of its data set on this snapshot from now on, and on no other.

    Returns the errands that the caller is to enqueue. Raises CannotValidate.
    """
    check_validates(snapshot)
    of_dataset = Snapshot.objects.filter(dataset=snapshot.dataset_id)
    # One at a time: the newest word holds.
    list(of_dataset.select_for_update().order_by("pk").values_list("pk"))
    of_dataset.exclude(pk=snapshot.pk).update(validates=False)
    of_dataset.filter(pk=snapshot.pk).update(validates=True)
    versions = ModelVersion.objects.filter(run__snapshot__dataset=snapshot.dataset_id)
    return [ask_to_measure(version, snapshot, by, at) for version in versions.order_by("-pk")]


def stop_validating(snapshot: Snapshot) -> None:
    """Measure its data set's versions no more, and let them train on everybody. What was measured stays."""
    Snapshot.objects.filter(pk=snapshot.pk).update(validates=False)
    Errand.objects.unfinished().filter(snapshot=snapshot, worker="").delete()


def check_validates(snapshot: Snapshot) -> None:
    """Raises CannotValidate where nothing could be measured on it, or not fairly."""
    if not snapshot.counts.get("faces_by_split", {}).get(Split.VAL):
        raise CannotValidate(
            "It has no held-out faces. Import faces with the split “val” (people of their own, of whom no "
            "face trains), and triplets of them, then freeze a new snapshot."
        )
    try:
        held = held_out(snapshot)
        has_triplets = any(anchor in held.faces for [anchor] in _rows(snapshot, "triplets.csv", "anchor"))
    except FileNotFoundError as error:
        raise CannotValidate(
            f"{error.filename} is missing. Restore it from a backup, or freeze anew."
        ) from error
    if not has_triplets:
        raise CannotValidate(
            "It has held-out faces, but no triplet of them. Import triplets of held-out faces, or run a "
            "campaign whose groups are drawn from them, then freeze a new snapshot."
        )
    if _leak(snapshot, snapshot, held):
        raise CannotValidate(
            "It trains on people whom it holds out as well. Give each person’s faces one split, then freeze "
            "a new snapshot."
        )


@transaction.atomic
def enter_validation(version: ModelVersion, snapshot: Snapshot, report: dict[str, Any], at: datetime) -> bool:
    """Enter what a version reached on a snapshot; False where that is not any more what was measured."""
    same = Snapshot.objects.select_for_update(no_key=True).filter(pk=snapshot.pk, sha256=snapshot.sha256)
    if not same.exists():
        return False
    Validation.objects.update_or_create(
        model_version=version, snapshot=snapshot,
        defaults={"sha256": snapshot.sha256, "report": report, "at": at},
    )  # fmt: skip
    return True


def held_out(snapshot: Snapshot) -> HeldOut:
    """Whom a snapshot holds out. Raises FileNotFoundError where its folder is gone."""
    rows = [(face, person) for face, split, person in _faces(snapshot) if split == Split.VAL]
    return HeldOut(frozenset(face for face, _ in rows), frozenset(person for _, person in rows if person))


def _leak(snapshot: Snapshot, validation: Snapshot, held: HeldOut) -> str | None:
    faces, people = 0, set()
    # Of an old one whose folder is gone nobody can tell any more.
    with suppress(FileNotFoundError):
        for face, split, person in _faces(snapshot):
            if split != Split.VAL and (face in held.faces or person in held.people):
                faces += 1
                people.add(person)
    if not faces:
        return None
    people.discard("")
    whom = f"{faces:,} face{'s' if faces > 1 else ''}" + (f" of {len(people):,} people" if people else "")
    return (
        f"Snapshot “{snapshot.name}” trains on {whom} whom the validation snapshot “{validation.name}” holds "
        "out, so accuracy there would say nothing. Give those people’s faces the split “val” and freeze "
        "anew, or name another validation snapshot."
    )


def _faces(snapshot: Snapshot) -> Iterator[list[str]]:
    """Key, split and identity of each face, one by one. Raises FileNotFoundError."""
    return _rows(snapshot, "faces.csv", "face", "split", "identity")


def _rows(snapshot: Snapshot, table: str, *columns: str) -> Iterator[list[str]]:
    with io.TextIOWrapper(open_file(snapshot.folder, table), encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        head = next(rows)
        places = [head.index(column) for column in columns]
        for row in rows:
            yield [row[place] for place in places]
