"""Which groups a data set gives: from strong imported triplets, or from labels. Reads only."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from django.db.models import TextChoices

from annotate.campaigns.models import Campaign, Candidate
from annotate.faces.models import Dataset, Split, Strength
from annotate.tournament.grouping import LabelledFace, LabelledFaces, Pair, draw_candidates


class DrawFrom(TextChoices):
    """What says which faces are positives of an anchor."""

    EITHER = "", "strong triplets, or labels where there are none"
    TRIPLETS = "triplets", "imported triplets on which the raters agree strongly"
    LABELS = "labels", "expression labels"


class CannotDrawGroups(Exception):
    """There is nothing to draw groups from; the message says what is missing."""


@dataclass(frozen=True)
class DrawnGroup:
    anchor: int
    split: str
    candidates: list[Pair]


def why_none(
    dataset: Dataset, k: int, tried: int, draw_from: str, anchors: Collection[int] | None = None
) -> str:
    """What to tell whoever could not draw any group, after so many anchors (of these, if any)."""
    if not tried and anchors is not None:
        return (
            f"None of the {len(anchors)} faces chosen can be an anchor: they are set aside, or have neither "
            "triplets on which raters agree strongly nor, if you draw from labels, an expression label."
        )
    if not tried:
        return {
            DrawFrom.EITHER: f"Data set {dataset} has neither triplets on which its raters agree strongly "
            "nor faces with an expression label. Import triplets (import_fec) or labels (import_faces "
            "--labels).",
            DrawFrom.TRIPLETS: f"Data set {dataset} has no triplets on which its raters agree strongly. "
            "Import some (import_fec), or draw from its labels.",
            DrawFrom.LABELS: f"Data set {dataset} has no faces with an expression label. Import labels "
            "(import_faces --labels), or draw from its triplets.",
        }[DrawFrom(draw_from)]
    return (
        f"None of the {tried} possible anchors of data set {dataset} has {k} different positives with "
        f"{k} different negatives. Choose a smaller k (8 or 4)."
    )


def source_of(campaign: Campaign) -> DrawFrom:
    """What the campaign's groups were drawn from: candidates from triplets name theirs."""
    candidates = Candidate.objects.filter(group__campaign=campaign)
    return (
        DrawFrom.TRIPLETS if candidates.filter(imported_triplet__isnull=False).exists() else DrawFrom.LABELS
    )


def draws(
    dataset: Dataset,
    k: int,
    rng: random.Random,
    draw_from: str,
    without: Collection[int] = (),
    among: Collection[int] | None = None,
) -> Iterator[DrawnGroup | None]:
    """Groups in random order of their anchors; None for an anchor that cannot fill one.

    Faces that are set aside are in none of them, anchors `without` are passed over, and so is, where `among`
    is given, every other anchor.
    """
    if draw_from == DrawFrom.EITHER:
        strong = dataset.imported_triplets.ready().filter(strength=Strength.STRONG)
        draw_from = DrawFrom.TRIPLETS if strong.exists() else DrawFrom.LABELS
    if draw_from == DrawFrom.TRIPLETS:
        yield from _draws_from_triplets(dataset, k, rng, without, among)
    else:
        yield from _draws_from_labels(dataset, k, rng, without, among)


def _draws_from_triplets(
    dataset: Dataset, k: int, rng: random.Random, without: Collection[int], among: Collection[int] | None
) -> Iterator[DrawnGroup | None]:
    edges = strong_pairs(dataset)
    anchors, starts, counts = np.unique(edges[:, 0], return_index=True, return_counts=True)
    for place in rng.sample(range(len(anchors)), len(anchors)):
        if int(anchors[place]) in without or (among is not None and int(anchors[place]) not in among):
            continue
        if counts[place] < k:
            yield None
            continue
        rows = edges[starts[place] : starts[place] + counts[place]]
        pairs = [Pair(int(p), int(n), int(t)) for _, p, n, t, *_ in rows]
        candidates = draw_candidates(int(anchors[place]), pairs, k, rng)
        split = Split.VAL if rows[0, 4] else Split.TRAIN
        yield candidates and DrawnGroup(int(anchors[place]), split, candidates)


def strong_pairs(dataset: Dataset) -> np.ndarray:
    """What strong imported triplets say, by anchor, as an (n, 6) array: anchor, positive, negative, triplet,
    is val, and by how many thousandths of its raters the majority is ahead.

    "o is the odd one of x, y, o" stands for (x, y, o) and for (y, x, o).
    """
    rows = (
        dataset.imported_triplets.ready()
        .filter(strength=Strength.STRONG)
        .order_by("id")
        .values_list(
            "face_1", "face_2", "face_3", "odd", "id", "split", "votes_for", "votes_against", "answers__len"
        )
    )
    flat = np.fromiter(
        (
            value
            for one, two, three, odd, pk, split, ahead, behind, raters in rows.iterator(chunk_size=20_000)
            for value in (
                *_odd_last(one, two, three, odd), pk, split == Split.VAL, 1000 * (ahead - behind) // raters
            )
        ),
        dtype=np.int64,
    ).reshape(-1, 6)  # fmt: skip
    edges = np.concatenate([flat, flat[:, [1, 0, 2, 3, 4, 5]]])
    return edges[np.lexsort((edges[:, 3], edges[:, 0]))]


def _odd_last(one: int, two: int, three: int, odd: int) -> tuple[int, int, int]:
    if odd == 1:
        return two, three, one
    return (one, three, two) if odd == 2 else (one, two, three)


def _draws_from_labels(
    dataset: Dataset, k: int, rng: random.Random, without: Collection[int], among: Collection[int] | None
) -> Iterator[DrawnGroup | None]:
    labelled = {split: labelled_faces(dataset, split) for split in Split.values}
    anchors = [(split, anchor) for split in Split.values for anchor in labelled[split].anchors()]
    for split, anchor in rng.sample(anchors, len(anchors)):
        if anchor.face not in without and (among is None or anchor.face in among):
            candidates = labelled[split].draw(anchor, k, rng)
            yield candidates and DrawnGroup(anchor.face, split, candidates)


def labelled_faces(dataset: Dataset, split: str) -> LabelledFaces:
    """The split's faces of known expression that groups may be drawn with."""
    labelled = dataset.faces.ready().filter(split=split).exclude(expression="").order_by("id")
    rows = labelled.values_list("id", "expression", "identity")
    return LabelledFaces(LabelledFace(*row) for row in rows.iterator())
