"""What an erasure would take: counted before anybody confirms it. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Count, Q, QuerySet

from annotate.campaigns.models import Comparison, Vote
from annotate.campaigns.voiding import gold_with, groups_with
from annotate.curation.models import DuplicatePair
from annotate.faces.models import Dataset, Face, ImportedTriplet
from annotate.training.models import Embedding, Manipulator, ModelVersion, Run, Snapshot
from annotate.training.snapshot_alteration import holding

SHOWN = 60


def faces_of(dataset: Dataset, identity: str = "", face_ids: Collection[int] = ()) -> QuerySet[Face]:
    """The faces to erase: all of one identity, or some single ones."""
    faces = Face.objects.filter(dataset=dataset).order_by("pk")
    return faces.filter(identity=identity) if identity else faces.filter(pk__in=face_ids)


def triplets_with(faces: Collection[int]) -> QuerySet[ImportedTriplet]:
    """The imported triplets that any of these faces is in."""
    return ImportedTriplet.objects.filter(Q(face_1__in=faces) | Q(face_2__in=faces) | Q(face_3__in=faces))


@dataclass(frozen=True)
class Preview:
    """Everything that would go. `identity` is empty where single faces were chosen."""

    dataset: Dataset
    identity: str
    faces: Sequence[Face]

    @cached_property
    def ids(self) -> list[int]:
        return [face.pk for face in self.faces]

    @property
    def shown(self) -> Sequence[Face]:
        return self.faces[:SHOWN]

    @property
    def to_type(self) -> str:
        """What must be typed to confirm."""
        return self.identity or f"erase {len(self.faces)} face{'s' if len(self.faces) > 1 else ''}"

    @cached_property
    def triplets(self) -> int:
        return triplets_with(self.ids).count()

    @cached_property
    def embeddings(self) -> int:
        return Embedding.objects.filter(face__in=self.ids).count()

    @cached_property
    def campaigns(self) -> list[dict[str, object]]:
        """Rows of campaign, groups."""
        groups = groups_with(self.ids).order_by("campaign__name").values("campaign__name", "campaign_id")
        return list(groups.annotate(groups=Count("pk")))

    @cached_property
    def groups(self) -> int:
        return groups_with(self.ids).count()

    @cached_property
    def gold(self) -> int:
        return gold_with(self.ids).count()

    @cached_property
    def comparisons(self) -> int:
        return Comparison.objects.filter(group__in=groups_with(self.ids).order_by()).count()

    @cached_property
    def votes(self) -> int:
        of_groups = Vote.objects.filter(group__in=groups_with(self.ids).order_by())
        return of_groups.count() + Vote.objects.filter(gold__in=gold_with(self.ids).order_by()).count()

    @cached_property
    def snapshots(self) -> list[Snapshot]:
        keys = {face.key for face in self.faces}
        return holding(Snapshot.objects.filter(dataset=self.dataset).order_by("-created_at"), keys)

    @cached_property
    def model_versions(self) -> list[ModelVersion]:
        learnt = {
            version for snapshot in self.snapshots for version in ModelVersion.objects.trained_on(snapshot)
        }
        return sorted(learnt, key=lambda version: version.pk)

    @cached_property
    def manipulators(self) -> list[Manipulator]:
        learnt = {found for one in self.snapshots for found in Manipulator.objects.trained_on(one)}
        return sorted(learnt, key=lambda manipulator: manipulator.pk)

    @cached_property
    def runs(self) -> list[Run]:
        """Those that train on such a snapshot now, or wait to."""
        return list(Run.objects.unfinished().filter(snapshot__in=self.snapshots).order_by("pk"))

    @cached_property
    def look_alikes(self) -> list[Face]:
        """Faces nearly the same as one of these that are not among them: the same person, perhaps."""
        first = DuplicatePair.objects.filter(second__in=self.ids).values("first")
        second = DuplicatePair.objects.filter(first__in=self.ids).values("second")
        alike = Face.objects.filter(pk__in=first.union(second)).exclude(pk__in=self.ids)
        return list(alike.order_by("pk")[:SHOWN])
