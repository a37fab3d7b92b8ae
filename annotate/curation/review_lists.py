"""What is to be reviewed: near-duplicates, the worst crops by one measure, flagged faces. Reads only.

What is decided drops out of each list, so the next page is the list's beginning; `after` passes rows over.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from annotate.campaigns.models import Flag, Vote
from annotate.curation.models import DuplicatePair, KeptFace
from annotate.curation.scanning import DISTANCE
from annotate.faces.models import Dataset, Face
from annotate.insight.models import FaceSelection

PAGE = 10
CONSIDERED = 100
MEASURES = {
    "sharpness": ("Blurred", "The variance of the Laplacian, least sharp first"),
    "brightness": ("Dark", "The mean grey value of 0 to 255, darkest first"),
    "contrast": ("Flat", "The spread of the grey values, flattest first"),
    "detection": ("Hardly a face", "How sure the detector was, least sure first"),
    "source_side": ("Tiny", "The face’s side in its picture, in pixels, smallest first"),
}


@dataclass(frozen=True)
class Cluster:
    """Faces that look the same, the largest and sharpest first, and the pair by which it was found."""

    faces: list[Face]
    pair: DuplicatePair

    @property
    def after(self) -> str:
        return f"{self.pair.distance}-{self.pair.pk}"


def next_cluster(dataset: Dataset, after: tuple[int, int] | None) -> Cluster | None:
    """The nearest undecided pair behind (distance, id), with what is as near to both of the two."""
    pairs = DuplicatePair.objects.undecided().filter(dataset=dataset)
    if after:
        # The last condition says where the index begins.
        pairs = pairs.filter(Q(distance__gt=after[0]) | Q(pk__gt=after[1]), distance__gte=after[0])
    pair = pairs.order_by("distance", "pk").first()
    if pair is None:
        return None
    two = {pair.first_id, pair.second_id}
    # Of many with the very same hash, each is paired to the first of them only.
    near = _paired_with(pair.first_id) & _paired_with(pair.second_id)
    near |= _paired_with(pair.first_id, most=0) | _paired_with(pair.second_id, most=0)
    faces = Face.objects.filter(pk__in=[*two, *sorted(near - two)[: PAGE - 2]])
    best = sorted(faces, key=lambda face: (-(face.source_side or 0), -(face.sharpness or 0), face.pk))
    return Cluster(best, pair)


def _paired_with(face: int, most: int = DISTANCE) -> set[int]:
    """Itself and what is paired to it, at `most` so far apart."""
    pairs = DuplicatePair.objects.undecided().filter(Q(first=face) | Q(second=face), distance__lte=most)
    nearest = pairs.order_by("distance", "pk").values_list("first", "second")[:CONSIDERED]
    return {one for pair in nearest for one in pair}


def undecided_pairs(dataset: Dataset) -> int:
    return DuplicatePair.objects.undecided().filter(dataset=dataset).count()


def worst_crops(dataset: Dataset, measure: str, after: tuple[float, int] | None) -> list[Face]:
    """The next ready faces that nobody has looked at, worst first; each has its `value`."""
    found = _not_kept(Face.objects.filter(dataset=dataset, **{f"{measure}__isnull": False}).ready())
    if after:
        behind = Q(**{f"{measure}__gt": after[0]}) | Q(pk__gt=after[1])
        found = found.filter(behind, **{f"{measure}__gte": after[0]})
    faces = list(found.order_by(measure, "pk")[:PAGE])
    for face in faces:
        face.value = getattr(face, measure)
    return faces


def flagged_faces(dataset: Dataset, after: tuple[float, int] | None) -> list[Face]:
    """Ready faces that annotators flagged, the most often flagged first; each has `broken` and `known`."""
    flags = Vote.objects.live().filter(flagged_face__dataset=dataset)
    counted = (
        flags.order_by()
        .values("flagged_face")
        .annotate(
            value=Count("pk"),
            broken=Count("pk", filter=Q(flag=Flag.BROKEN)),
            known=Count("pk", filter=Q(flag=Flag.KNOWN)),
        )
    )
    if after:
        counted = counted.filter(Q(value__lt=after[0]) | Q(value=after[0], flagged_face__gt=after[1]))
    ready = _not_kept(Face.objects.filter(dataset=dataset).ready())
    rows = list(counted.filter(flagged_face__in=ready).order_by("-value", "flagged_face")[:PAGE])
    faces = Face.objects.in_bulk([row["flagged_face"] for row in rows])
    for row in rows:
        face = faces[row["flagged_face"]]
        face.value, face.broken, face.known = row["value"], row["broken"], row["known"]
    return [faces[row["flagged_face"]] for row in rows]


def _not_kept(faces: QuerySet[Face]) -> QuerySet[Face]:
    return faces.filter(~Exists(KeptFace.objects.filter(face=OuterRef("pk"))))


def selected_faces(selection: FaceSelection, dataset: Dataset, after: tuple[float, int] | None) -> list[Face]:
    """Ready faces of a selection that nobody has looked at, in the order of import."""
    found = _not_kept(Face.objects.filter(dataset=dataset, selections=selection).ready())
    faces = list(found.filter(pk__gt=after[1] if after else 0).order_by("pk")[:PAGE])
    for face in faces:
        face.value = face.pk
    return faces


def faces_set_aside(dataset: Dataset, after: tuple[float, int] | None) -> list[Face]:
    """In the order of import."""
    found = Face.objects.filter(dataset=dataset).set_aside().select_related("set_aside_by")
    faces = list(found.filter(pk__gt=after[1] if after else 0).order_by("pk")[:PAGE])
    for face in faces:
        face.value = face.pk
    return faces
