"""What a model version proposes to a campaign: reads its embeddings and the annotators' answers only.

How groups are weighed and made is tournament/proposing.py's; what becomes of them is proposals.py's.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from django.db import connection

from annotate.campaigns.drawing import DrawFrom, DrawnGroup, draws, labelled_faces, source_of, strong_pairs
from annotate.campaigns.models import Campaign
from annotate.faces.models import Face, Split
from annotate.tournament.grouping import Pair
from annotate.tournament.proposing import (
    Choices,
    fitted_temperature,
    margins,
    propose,
    squared_distances,
    worth,
)
from annotate.training.models import EMBEDDING_SIZE, Embedding, ModelVersion

# From labels nearly everything could be a pair: of so many anchors some are drawn, and weighed.
LABELLED_ANCHORS, CHOICES_EACH = 2000, 3
# So many decided comparisons tell how sure the version may be of itself; with fewer the imported answers do.
ENOUGH_DECIDED, MOST_DECIDED = 100, 20_000


class CannotPropose(Exception):
    """There is nothing to propose; the message says what is missing."""


@dataclass
class Draft:
    """Groups that could be added. `proposed` are the most instructive first, each with its score.

    `weighed`: so many anchors had enough pairs. `unknown`: so many faces have no embedding of the version.
    `temperature`: the difference of squared distances at which it is right in 73 % of its comparisons.
    """

    drawn: list[DrawnGroup] = field(default_factory=list)
    proposed: list[tuple[DrawnGroup, float]] = field(default_factory=list)
    weighed: int = 0
    unknown: int = 0
    temperature: float = 1.0


@dataclass(frozen=True)
class Embedded:
    """A version's embeddings (F, 16) of a data set's ready faces: `faces` (F,) are their ids, ascending."""

    faces: np.ndarray
    vectors: np.ndarray

    def rows(self, faces: np.ndarray) -> np.ndarray:
        """The rows of these faces, -1 where one has no embedding."""
        at = np.minimum(np.searchsorted(self.faces, faces), len(self.faces) - 1)
        return np.where(self.faces[at] == faces, at, -1)


def draft(campaign: Campaign, version: ModelVersion, groups: int, random_share: float, seed: int) -> Draft:
    """Up to `groups` groups for the campaign, of anchors that have none there yet.

    The random share comes first: it is drawn from all anchors that are free, as a campaign draws them, so
    that what the version is right in there says what it is right in among them all. What is proposed beside
    is of the train split, since nothing is learnt from the other. Raises CannotPropose.
    """
    rng = random.Random(seed)
    taken = set(campaign.groups.values_list("anchor", flat=True))
    source = source_of(campaign)
    found = Draft(drawn=_drawn(campaign, source, round(groups * random_share), taken, rng))
    wanted = groups - round(groups * random_share)
    if wanted:
        taken |= {group.anchor for group in found.drawn}
        _propose(campaign, version, wanted, source, taken, rng, found)
    if not found.drawn and not found.proposed:
        raise CannotPropose(
            f"No anchor of data set {campaign.dataset} that has no group in this campaign yet can fill one "
            f"of {campaign.k} candidates. Import more triplets or labels."
        )
    return found


def _drawn(
    campaign: Campaign, source: DrawFrom, count: int, taken: set[int], rng: random.Random
) -> list[DrawnGroup]:
    found: list[DrawnGroup] = []
    if count:
        for one in draws(campaign.dataset, campaign.k, rng, source, taken):
            if one is not None:
                found.append(one)
            if len(found) == count:
                break
    return found


def _propose(
    campaign: Campaign,
    version: ModelVersion,
    wanted: int,
    source: DrawFrom,
    taken: set[int],
    rng: random.Random,
    found: Draft,
) -> None:
    embedded = embeddings_of(campaign, version)
    found.unknown = campaign.dataset.faces.ready().count() - len(embedded.faces)
    from_triplets = source == DrawFrom.TRIPLETS
    pairs = _pairs_of_triplets(campaign) if from_triplets else _pairs_of_labels(campaign, taken, rng)
    choices = _choices(pairs, embedded, taken, campaign.k)
    near, far = margins(embedded.vectors, choices)
    found.weighed = len(choices.anchors)
    found.temperature = _temperature(campaign, embedded, far - near, choices.agreement)
    value = worth(choices, near, far, found.temperature)
    people = dict(campaign.dataset.faces.exclude(identity="").values_list("pk", "identity"))
    faces = embedded.faces.tolist()
    person = [people.get(faces[anchor], faces[anchor]) for anchor in choices.anchors.tolist()]
    for one in propose(choices, value, campaign.k, wanted, rng, person=person):
        candidates = [Pair(faces[p.positive], faces[p.negative], p.triplet) for p in one.candidates]
        found.proposed.append((DrawnGroup(faces[one.anchor], Split.TRAIN, candidates), one.score))


def embeddings_of(campaign: Campaign, version: ModelVersion) -> Embedded:
    """The version's embeddings of what the campaign's groups may be made of. Raises CannotPropose."""
    ready = Face.objects.ready().filter(dataset=campaign.dataset)
    rows = Embedding.objects.filter(model_version=version, face__in=ready).order_by("face")
    flat = np.fromiter(
        (value for face, vector in _vectors(rows) for value in (face, *vector)), dtype=np.float64
    ).reshape(-1, 1 + EMBEDDING_SIZE)
    if not len(flat):
        raise CannotPropose(
            f"{version} has no embeddings of data set {campaign.dataset} yet. Compute them first, on the "
            "version’s page.".capitalize()
        )
    return Embedded(flat[:, 0].astype(np.int64), flat[:, 1:].astype(np.float32))


def _vectors(rows) -> Iterator[tuple[int, np.ndarray]]:  # noqa: ANN001
    return rows.values_list("face", "vector").iterator(chunk_size=20_000)


def _pairs_of_triplets(campaign: Campaign) -> np.ndarray:
    """Rows of anchor, positive, negative, triplet and agreement in thousandths, of the train split."""
    pairs = strong_pairs(campaign.dataset)
    return pairs[pairs[:, 4] == 0][:, [0, 1, 2, 3, 5]]


def _pairs_of_labels(campaign: Campaign, taken: set[int], rng: random.Random) -> np.ndarray:
    """The same of labels, where no annotator agrees or disagrees with anything."""
    labelled = labelled_faces(campaign.dataset, Split.TRAIN)
    anchors = [anchor for anchor in labelled.anchors() if anchor.face not in taken]
    rows: list[tuple[int, ...]] = []
    for anchor in rng.sample(anchors, min(LABELLED_ANCHORS, len(anchors))):
        for times in range(CHOICES_EACH, 0, -1):
            pairs = labelled.draw(anchor, times * campaign.k, rng)
            if pairs is not None:
                rows += [(anchor.face, pair.positive, pair.negative, -1, 0) for pair in pairs]
                break
    return np.array(rows, dtype=np.int64).reshape(-1, 5)


def _choices(pairs: np.ndarray, embedded: Embedded, taken: set[int], k: int) -> Choices:
    """Those whose faces are all known to the version and whose anchor is free."""
    free = pairs[~np.isin(pairs[:, 0], list(taken))]
    rows = embedded.rows(free[:, :3].ravel()).reshape(-1, 3)
    known = (rows >= 0).all(axis=1)
    anchor, positive, negative = rows[known].T
    return Choices.of_rows(
        anchor, positive, negative, free[known, 3], np.maximum(free[known, 4], 0) / 1000, k=k
    )


DECIDED = """
    SELECT g.anchor_id, w.positive_id, l.positive_id
    FROM campaigns_comparison c
    JOIN campaigns_group g ON g.id = c.group_id
    JOIN campaigns_candidate w ON w.group_id = c.group_id AND w.slot = c.winner
    JOIN campaigns_candidate l ON l.group_id = c.group_id AND l.slot = c.low + c.high - c.winner
    WHERE c.campaign_id = %s AND c.winner IS NOT NULL AND NOT c.is_tie AND NOT c.is_withdrawn
    ORDER BY c.id DESC LIMIT %s
"""


def _temperature(campaign: Campaign, embedded: Embedded, margin: np.ndarray, agreement: np.ndarray) -> float:
    """How sure the version may be of itself, by the campaign's own decisions where there are enough."""
    with connection.cursor() as cursor:
        cursor.execute(DECIDED, [campaign.pk, MOST_DECIDED])
        decided = np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 3)
    rows = embedded.rows(decided.ravel()).reshape(-1, 3)
    anchor, winner, loser = rows[(rows >= 0).all(axis=1)].T
    if len(anchor) < ENOUGH_DECIDED:
        return fitted_temperature(margin, agreement)
    nearer = squared_distances(embedded.vectors, anchor, winner)
    return fitted_temperature(squared_distances(embedded.vectors, anchor, loser) - nearer)
