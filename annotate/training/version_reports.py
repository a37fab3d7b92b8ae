"""What pages and API show of model versions: accuracies, lineage, what they embed. Reads; writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet

from annotate.faces.models import Dataset, Face
from annotate.training import curves, reports
from annotate.training.lineage import lineage
from annotate.training.models import Embedding, Errand, ModelVersion, Promotion, Snapshot
from annotate.training.validating import validation_snapshot
from annotate.training.versions import active_version

VERSIONS_SHOWN = 200
KIN_SHOWN = 20


@dataclass(frozen=True)
class Measure:
    """One figure of a version (0 to 1) and on how many triplets it rests; None: it is not measured."""

    accuracy: float | None = None
    triplets: int = 0

    @property
    def words(self) -> str:
        return "–" if self.accuracy is None else f"{100 * self.accuracy:.1f} %"


@dataclass(frozen=True)
class VersionRow:
    """A version in the list. `held_out` is its accuracy on its own snapshot, `validation` on the data set's
    validation snapshot as that is now."""

    version: ModelVersion
    is_active: bool
    network: str
    held_out: Measure
    validation: Measure


@dataclass(frozen=True)
class EmbeddedSet:
    """How much of a data set a version has embedded, and who is at it or failed at it."""

    dataset: Dataset
    faces: int
    embedded: int
    errand: Errand | None

    @property
    def left(self) -> int:
        return self.faces - self.embedded

    @property
    def is_under_way(self) -> bool:
        return self.errand is not None and self.errand.ended_at is None


def measure_of(report: Mapping[str, Any]) -> Measure:
    """The figure that `curves.headline` takes, with its count."""
    for strength in ("strong", "weak"):
        counts = (report.get(strength) or {}).get("counts") or {}
        if counts.get("all"):
            return Measure(curves.headline(report), counts["all"])
    return Measure(curves.headline(report), (report.get("tournament") or {}).get("count") or 0)


def version_rows(versions: Iterable[ModelVersion] | None = None) -> list[VersionRow]:
    """All versions, the newest first, or these."""
    if versions is None:
        versions = _with_all(ModelVersion.objects.order_by("-pk"))[:VERSIONS_SHOWN]
    active = active_version()
    validating = {snapshot.dataset_id: snapshot for snapshot in Snapshot.objects.filter(validates=True)}
    return [
        VersionRow(
            version,
            version == active,
            network_of(version),
            measure_of(version.evaluation),
            _measure_on(version, validating.get(version.run.snapshot.dataset_id)),
        )
        for version in versions
    ]


def row_of(version_id: int) -> VersionRow | None:
    found = _with_all(ModelVersion.objects.filter(pk=version_id))
    return next(iter(version_rows(found)), None)


def _with_all(versions: QuerySet[ModelVersion]) -> QuerySet[ModelVersion]:
    related = ("run__snapshot__dataset", "run__snapshot__campaign", "run__parent", "run__created_by")
    return (
        versions.select_related(*related)
        .defer("run__events")
        .prefetch_related("validations", "run__snapshot__alterations")
    )


def _measure_on(version: ModelVersion, snapshot: Snapshot | None) -> Measure:
    for validation in version.validations.all():
        if snapshot and (validation.snapshot_id, validation.sha256) == (snapshot.pk, snapshot.sha256):
            return measure_of(validation.report)
    return Measure()


def network_of(version: ModelVersion) -> str:
    """In words, as its run asked for it."""
    config = version.run.config
    words = [str(config.get("backbone", "")), f"order {config.get('order')}"]
    return ", ".join([*words, *([] if config.get("crowd") else ["no crowd layer"])])


@dataclass(frozen=True)
class Kin:
    """Versions that a version comes from and that come from it, the oldest first; `more` are left out."""

    above: list[ModelVersion]
    below: list[ModelVersion]
    more_above: int
    more_below: int


def kin_of(version: ModelVersion) -> Kin:
    known = lineage()
    above, below = known.above(version.pk)[::-1], known.below(version.pk)
    # The one from scratch and the nearest tell the most.
    near = above[:1] + above[1:][-KIN_SHOWN:]
    chosen = ModelVersion.objects.select_related("run__snapshot").defer("run__events")
    versions = chosen.in_bulk([*near, *below[:KIN_SHOWN]])
    return Kin(
        [versions[pk] for pk in near],
        [versions[pk] for pk in below[:KIN_SHOWN]],
        len(above) - len(near),
        max(len(below) - KIN_SHOWN, 0),
    )


def embedded_sets(version: ModelVersion) -> list[EmbeddedSet]:
    """Every data set that has faces, the version's own first."""
    faces = dict(Face.objects.order_by().values_list("dataset").annotate(Count("pk")))
    embeddings = Embedding.objects.filter(model_version=version).order_by()
    embedded = dict(embeddings.values_list("face__dataset").annotate(Count("pk")))
    errands = {e.dataset_id: e for e in version.errands.filter(dataset__isnull=False).order_by("pk")}
    rows = [
        EmbeddedSet(dataset, faces[dataset.pk], embedded.get(dataset.pk, 0), errands.get(dataset.pk))
        for dataset in Dataset.objects.order_by("name")
        if dataset.pk in faces
    ]
    return sorted(rows, key=lambda row: row.dataset.pk != version.run.snapshot.dataset_id)


@dataclass(frozen=True)
class Validated:
    """How a version does on its data set's validation snapshot; None where none is named."""

    snapshot: Snapshot
    measure: Measure
    accuracy_rows: list[reports.AccuracyRow]
    tournament: tuple[str, int]
    errand: Errand | None


def validated(version: ModelVersion) -> Validated | None:
    snapshot = validation_snapshot(version.run.snapshot.dataset)
    if snapshot is None:
        return None
    found = version.validations.filter(snapshot=snapshot, sha256=snapshot.sha256).first()
    report = found.report if found else {}
    errand = version.errands.filter(snapshot=snapshot).order_by("pk").last()
    return Validated(
        snapshot,
        measure_of(report),
        reports.accuracy_rows(report),
        reports.tournament_accuracy(report),
        errand,
    )


def promotions(version: ModelVersion | None = None) -> QuerySet[Promotion]:
    """Who made which version active when and why, the newest first; of one version, or of all."""
    found = Promotion.objects.select_related("model_version", "by").order_by("-pk")
    return found if version is None else found.filter(model_version=version)


def doubts(row: VersionRow) -> list[str]:
    """What speaks against making this version the active one."""
    version, found = row.version, []
    if version.erased_at:
        found.append(
            f"A person on whose faces it, or a version that it comes from, was trained was erased on "
            f"{version.erased_at:%-d %B %Y}. What the network learnt from them is still in it."
        )
    if row.validation.accuracy is None:
        found.append(
            "It is not measured on the validation snapshot of its data set, so nobody can tell whether it is "
            "better than the active version."
            if validation_snapshot(version.run.snapshot.dataset)
            else "Its data set has no validation snapshot, so nobody can tell whether it is better than the "
            "active version. Name one on the page Snapshots."
        )
    return found + _against_active(row)


def _against_active(row: VersionRow) -> list[str]:
    active = active_version()
    if active is None or active == row.version:
        return []
    other = row_of(active.pk)
    assert other is not None
    if active.run.snapshot.dataset_id != row.version.run.snapshot.dataset_id:
        return [f"The active {active} is of another data set ({active.run.snapshot.dataset})."]
    mine, others = row.validation.accuracy, other.validation.accuracy
    if mine is None:
        return []
    if others is None:
        return [f"The active {active} is not measured on the validation snapshot: they can not be compared."]
    if mine < others:
        return [
            f"It is worse than the active {active}: {row.validation.words} against {other.validation.words} "
            f"of {row.validation.triplets:,} triplets of the validation snapshot."
        ]
    return []
