"""Creates campaigns: draws the groups and lays out every bracket's first round."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from django.db import transaction
from django.db.models import TextChoices

from annotate.campaigns.gold import draw_gold_from_triplets
from annotate.campaigns.models import Bracket, Campaign, Candidate, Comparison, Group
from annotate.faces.models import Dataset, Split, Strength
from annotate.tournament import bracket as tournament_bracket
from annotate.tournament.grouping import LabelledFace, LabelledFaces, Pair, draw_candidates

GROUPS_AT_ONCE = 200
# A preview tries so many anchors at most, and shows so many groups.
ANCHORS_TRIED, GROUPS_PREVIEWED = 500, 4


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


@dataclass
class Creation:
    """What came of it: `skipped` anchors could not fill a group of k."""

    campaign: Campaign
    groups: int = 0
    skipped: int = 0
    gold: int = 0


@transaction.atomic
def create_campaign(
    *,
    name: str,
    dataset: Dataset,
    groups: int,
    k: int = 16,
    repetitions: int = 3,
    seed: int = 0,
    gold: int = 0,
    draw_from: str = DrawFrom.EITHER,
    **settings: object,
) -> Creation:
    """A campaign of up to `groups` groups; fewer where the data set has no more anchors that fill one.

    `gold` is how many strong imported triplets become gold comparisons; `settings` are the campaign's
    other fields (assignment, max_uncertain, gold_rate, pause_after_minutes, extra_comparisons,
    extra_confidence).
    Raises ValueError where k is not a power of two or a number is not positive, ValidationError where a
    setting is out of bounds, CannotDrawGroups where no group at all can be drawn. Nothing is written then.
    """
    tournament_bracket.rounds(k)
    if groups < 1 or repetitions < 1:
        raise ValueError("A campaign needs at least one group and one repetition")
    campaign = Campaign(name=name, dataset=dataset, k=k, repetitions=repetitions, seed=seed, **settings)
    campaign.full_clean()
    campaign.save()
    creation = Creation(campaign)
    batch: list[DrawnGroup] = []
    for drawn in _draws(dataset, k, random.Random(seed), draw_from):
        if drawn is None:
            creation.skipped += 1
            continue
        batch.append(drawn)
        creation.groups += 1
        if len(batch) == GROUPS_AT_ONCE or creation.groups == groups:
            _lay_out(campaign, batch, first_index=creation.groups - len(batch) + 1)
            batch = []
        if creation.groups == groups:
            break
    _lay_out(campaign, batch, first_index=creation.groups - len(batch) + 1)
    if not creation.groups:
        raise CannotDrawGroups(_why_none(dataset, k, creation.skipped, draw_from))
    if gold:
        creation.gold = draw_gold_from_triplets(campaign, gold)
    return creation


@dataclass
class Preview:
    """What a campaign of these settings would begin with. `groups` are its first ones; so many of the anchors
    that were tried fill a group, and so many were `skipped`. `is_whole` says that no more would be tried."""

    groups: list[DrawnGroup] = field(default_factory=list)
    filled: int = 0
    skipped: int = 0
    is_whole: bool = True

    @property
    def tried(self) -> int:
        return self.filled + self.skipped

    @property
    def is_from_triplets(self) -> bool:
        """Rather than from labels."""
        return any(pair.triplet is not None for group in self.groups for pair in group.candidates)


def preview_groups(
    *, dataset: Dataset, groups: int, k: int, seed: int, draw_from: str = DrawFrom.EITHER
) -> Preview:
    """Draw as create_campaign would, and write nothing. Raises CannotDrawGroups, as that does."""
    preview = Preview()
    for drawn in _draws(dataset, k, random.Random(seed), draw_from):
        if preview.filled == groups:
            break
        if preview.tried == ANCHORS_TRIED:
            preview.is_whole = False
            break
        if drawn is None:
            preview.skipped += 1
            continue
        preview.filled += 1
        if len(preview.groups) < GROUPS_PREVIEWED:
            preview.groups.append(drawn)
    if not preview.filled and preview.is_whole:
        raise CannotDrawGroups(_why_none(dataset, k, preview.skipped, draw_from))
    return preview


def _why_none(dataset: Dataset, k: int, tried: int, draw_from: str) -> str:
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


def _draws(dataset: Dataset, k: int, rng: random.Random, draw_from: str) -> Iterator[DrawnGroup | None]:
    """Groups in random order of their anchors; None for an anchor that cannot fill one.

    Faces that are set aside are in none of them.
    """
    if draw_from == DrawFrom.EITHER:
        strong = dataset.imported_triplets.ready().filter(strength=Strength.STRONG)
        draw_from = DrawFrom.TRIPLETS if strong.exists() else DrawFrom.LABELS
    if draw_from == DrawFrom.TRIPLETS:
        yield from _draws_from_triplets(dataset, k, rng)
    else:
        yield from _draws_from_labels(dataset, k, rng)


def _draws_from_triplets(dataset: Dataset, k: int, rng: random.Random) -> Iterator[DrawnGroup | None]:
    edges = _strong_edges(dataset)
    # "o is the odd one of x, y, o" stands for (x, y, o) and for (y, x, o).
    edges = np.concatenate([edges, edges[:, [1, 0, 2, 3, 4]]])
    edges = edges[np.lexsort((edges[:, 3], edges[:, 0]))]
    anchors, starts, counts = np.unique(edges[:, 0], return_index=True, return_counts=True)
    for place in rng.sample(range(len(anchors)), len(anchors)):
        if counts[place] < k:
            yield None
            continue
        rows = edges[starts[place] : starts[place] + counts[place]]
        pairs = [Pair(int(p), int(n), int(t)) for _, p, n, t, _ in rows]
        candidates = draw_candidates(int(anchors[place]), pairs, k, rng)
        split = Split.VAL if rows[0, 4] else Split.TRAIN
        yield candidates and DrawnGroup(int(anchors[place]), split, candidates)


def _strong_edges(dataset: Dataset) -> np.ndarray:
    """The strong imported triplets as an (n, 5) array: anchor, positive, negative, triplet, is val."""
    rows = (
        dataset.imported_triplets.ready()
        .filter(strength=Strength.STRONG)
        .order_by("id")
        .values_list("face_1", "face_2", "face_3", "odd", "id", "split")
    )
    flat = np.fromiter(
        (
            value
            for one, two, three, odd, pk, split in rows.iterator(chunk_size=20_000)
            for value in (*_odd_last(one, two, three, odd), pk, split == Split.VAL)
        ),
        dtype=np.int64,
    )
    return flat.reshape(-1, 5)


def _odd_last(one: int, two: int, three: int, odd: int) -> tuple[int, int, int]:
    if odd == 1:
        return two, three, one
    return (one, three, two) if odd == 2 else (one, two, three)


def _draws_from_labels(dataset: Dataset, k: int, rng: random.Random) -> Iterator[DrawnGroup | None]:
    labelled = {
        split: LabelledFaces(
            LabelledFace(pk, expression, identity)
            for pk, expression, identity in dataset.faces.ready()
            .filter(split=split)
            .exclude(expression="")
            .order_by("id")
            .values_list("id", "expression", "identity")
            .iterator()
        )
        for split in Split.values
    }
    anchors = [(split, anchor) for split in Split.values for anchor in labelled[split].anchors()]
    for split, anchor in rng.sample(anchors, len(anchors)):
        candidates = labelled[split].draw(anchor, k, rng)
        yield candidates and DrawnGroup(anchor.face, split, candidates)


def _lay_out(campaign: Campaign, drawn: list[DrawnGroup], *, first_index: int) -> None:
    """Write groups with their candidates, brackets and first rounds."""
    groups = Group.objects.bulk_create(
        Group(campaign=campaign, index=index, anchor_id=group.anchor, split=group.split)
        for index, group in enumerate(drawn, start=first_index)
    )
    Candidate.objects.bulk_create(
        Candidate(
            group=group, slot=slot, positive_id=pair.positive, negative_id=pair.negative,
            imported_triplet_id=pair.triplet,
        )
        for group, plan in zip(groups, drawn, strict=True)
        for slot, pair in enumerate(plan.candidates)
    )  # fmt: skip
    brackets = Bracket.objects.bulk_create(
        Bracket(group=group, repetition=repetition, seed=bracket_seed(campaign, group.index, repetition))
        for group in groups
        for repetition in range(1, campaign.repetitions + 1)
    )
    Comparison.objects.bulk_create(
        Comparison(
            campaign=campaign, group_id=bracket.group_id, bracket=bracket, round=1, position=position,
            low=low, high=high,
        )
        for bracket in brackets
        for position, (low, high) in enumerate(tournament_bracket.first_round(bracket.seed, campaign.k))
    )  # fmt: skip


def bracket_seed(campaign: Campaign, group: int, repetition: int) -> int:
    """A seed for each bracket that depends on the campaign's seed, and on nothing that a restore changes."""
    return random.Random(f"{campaign.seed}:{group}:{repetition}").getrandbits(62)
