"""What somebody wants of a campaign's triplets, and how many these are, before anything is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.core.cache import cache
from django.db import connection
from django.db.models import Avg, Count, Max
from django.db.models.functions import Length

from annotate.campaigns import export_sql
from annotate.campaigns.confidence import rank
from annotate.campaigns.models import Campaign, Group
from annotate.campaigns.weights import annotator_tallies
from annotate.faces.models import Face, Split, Strength
from annotate.tournament.agreement import weights

SOURCES = ("imported", "direct", "inferred")
STRENGTHS = (Strength.STRONG.value, Strength.WEAK.value)
SPLITS = tuple(Split.values)
FORMATS = ("csv", "fec", "parquet")
RANKED_SECONDS = 3600
FACES_SAMPLED = 200


def check_confidence(confidence: float) -> None:
    """Raises ValueError for one that is not above one half, or above 1."""
    if not 0.5 < confidence <= 1:
        raise ValueError(f"A confidence to ask for lies above 0.5 and is at most 1, not {confidence}")


def _check(what: str, chosen: Sequence[str], known: Sequence[str]) -> None:
    if unknown := sorted(set(chosen) - set(known)):
        raise ValueError(f"Unknown {what} {unknown[0]}; the {what}s are {', '.join(known)}")


@dataclass(frozen=True)
class Choice:
    """Which triplets. `strengths` is of the imported ones alone, `min_confidence` of the others alone: with
    it, each pair that all answers together are so sure of stands there once, whichever bracket asked it.

    Raises ValueError where a word is unknown or the confidence is none.
    """

    sources: tuple[str, ...] = SOURCES
    strengths: tuple[str, ...] = STRENGTHS
    splits: tuple[str, ...] = SPLITS
    min_confidence: float | None = None

    def __post_init__(self) -> None:
        _check("source", self.sources, SOURCES)
        _check("strength", self.strengths, STRENGTHS)
        _check("split", self.splits, SPLITS)
        if self.min_confidence is not None:
            check_confidence(self.min_confidence)

    @property
    def has_derived(self) -> bool:
        return bool({"direct", "inferred"} & set(self.sources))

    def parameters(self) -> dict[str, object]:
        """For the queries of export_sql."""
        return {
            "sources": list(self.sources),
            "strengths": list(self.strengths),
            "splits": list(self.splits),
        }


@dataclass(frozen=True)
class Counted:
    """How many triplets of each source a choice has, and the file's likely size in bytes."""

    imported: int
    direct: int
    inferred: int
    size: int

    @property
    def total(self) -> int:
        return self.imported + self.direct + self.inferred


def count_triplets(campaign: Campaign, choice: Choice, layout: str) -> Counted:
    """What a file of this choice and layout (of FORMATS) will hold: one statement. With a confidence, the
    ranking of the campaign's answers is kept until there are others."""
    parameters = {"campaign": campaign.pk, "dataset": campaign.dataset_id} | choice.parameters()
    with connection.cursor() as cursor:
        cursor.execute(export_sql.counted(once=layout == "fec"), parameters)
        imported, pairs, direct, longer = cursor.fetchone()
    if choice.min_confidence is not None and choice.has_derived:
        pairs, direct = _sure_pairs(campaign, choice)
        longer = pairs - direct
    # Each pair is a triplet against the loser's negative too. What is said both directly and by a longer
    # chain is one line of the FEC layout, which counts as direct where these are wanted.
    inferred = pairs + (pairs - direct if "direct" in choice.sources else longer)
    counts = {"imported": imported, "direct": direct, "inferred": inferred}
    chosen = {source: counts[source] if source in choice.sources else 0 for source in SOURCES}
    return Counted(**chosen, size=_size(campaign, chosen, layout))


def _sure_pairs(campaign: Campaign, choice: Choice) -> tuple[int, int]:
    """How many pairs are known so surely, and of how many of them somebody was asked."""
    ranking = _ranking(campaign)

    def count(which: str) -> int:
        sure = (ranking.get((split, which), np.empty(0)) for split in choice.splits)
        return sum(len(found) - int(np.searchsorted(found, choice.min_confidence)) for found in sure)

    return count("all"), count("asked")


def _ranking(campaign: Campaign) -> dict[tuple[str, str], np.ndarray]:
    """The confidences above one half of each split's pairs, and of those that were asked, in rising order."""
    votes = campaign.votes.aggregate(n=Count("pk"), retracted=Count("retracted_at"), last=Max("created_at"))
    if not votes["n"]:
        return {}
    key = f"ranking:{campaign.pk}:{votes['n']}:{votes['retracted']}:{votes['last'].timestamp()}"
    ranking = cache.get(key)
    if ranking is None:
        ranking = _rank_all(campaign)
        cache.set(key, ranking, timeout=RANKED_SECONDS)
    return ranking


def _rank_all(campaign: Campaign) -> dict[tuple[str, str], np.ndarray]:
    splits = dict(Group.objects.filter(campaign=campaign).values_list("pk", "split"))
    found: dict[tuple[str, str], list[np.ndarray]] = defaultdict(list)
    for ranked in rank(campaign, weights(annotator_tallies(campaign))):
        confidence = ranked.posterior.confidence
        asked = np.zeros(confidence.shape, bool)
        for winner, loser in ranked.named:
            asked[winner, loser] = asked[loser, winner] = True
        split = splits[ranked.group]
        found[split, "all"].append(confidence[confidence > 0.5])
        found[split, "asked"].append(confidence[(confidence > 0.5) & asked])
    return {which: np.sort(np.concatenate(parts)) for which, parts in found.items()}


# What a row takes beside its faces, in bytes: the other columns and a few annotators. Parquet has a foot and
# packs the rest: each name stands once in it for many rows.
ROW_BYTES = {
    "csv": {"imported": 95, "direct": 75, "inferred": 85},
    "fec": {"imported": 60, "direct": 42, "inferred": 45},
}
FOOT_BYTES, PACKED = 5_000, 0.15
BOX_BYTES, WHOLE_BYTES = 32, 9


def _size(campaign: Campaign, counts: dict[str, int], layout: str) -> int:
    """The file's likely size, from the lengths of some of the faces' names."""
    sample = Face.objects.filter(dataset=campaign.dataset_id).order_by("pk")[:FACES_SAMPLED]
    mean = sample.aggregate(
        key=Avg(Length("key")), image=Avg(Length("image")), url=Avg(Length("url")), faces=Count("pk"),
        boxes=Count("box"),
    )  # fmt: skip
    if not mean["faces"]:
        return 0
    face = mean["key"] + mean["image"]
    if layout == "fec":
        boxed = mean["boxes"] / mean["faces"]
        face = max(mean["url"], mean["image"]) + boxed * BOX_BYTES + (1 - boxed) * WHOLE_BYTES
    row = ROW_BYTES["fec" if layout == "fec" else "csv"]
    size = sum(count * (3 * face + row[source]) for source, count in counts.items())
    return round(FOOT_BYTES + PACKED * size if layout == "parquet" else size)
