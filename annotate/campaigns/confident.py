"""The triplets that a campaign is sure of: across repetitions, no pair both ways, no cycle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from annotate.campaigns.confidence import Ranked, rank
from annotate.campaigns.export_choice import Choice
from annotate.campaigns.models import Campaign, Candidate, Group
from annotate.faces.models import Face


@dataclass(frozen=True)
class Sure:
    """Anchor, positive, negative, known with this confidence. `votes` named the positive, and the negative,
    of those who were asked about this very pair; `answers` are who, and the face that she set apart (2 is
    the positive, 3 the negative): theirs or, where nobody was asked, of all that it rests on."""

    group: int
    faces: tuple[Face, Face, Face]
    source: str
    annotators: list[int]
    weight: float
    votes: tuple[int, int]
    answers: list[tuple[int, int]]
    confidence: float

    @property
    def kind(self) -> str:
        """Empty where a face has no label."""
        labels = [face.expression for face in self.faces]
        if "" in labels:
            return ""
        return ("ONE", "TWO", "THREE")[len(set(labels)) - 1] + "_CLASS_TRIPLET"


def sure_triplets(campaign: Campaign, weight: Mapping[int, float], choice: Choice) -> Iterator[list[Sure]]:
    """Each group's, as `choice` wants them; it must name a confidence.

    For "i over j" two triplets: against candidate j and against j's negative. Both carry the pair's
    confidence.
    """
    for ranked in rank(campaign, weight):
        pairs = ranked.posterior.resolve(choice.min_confidence)
        if pairs:
            group = Group.objects.select_related("anchor").get(pk=ranked.group)
            if group.split in choice.splits:
                sure = _of_group(group, ranked, pairs, weight)
                yield [triplet for triplet in sure if triplet.source in choice.sources]


def _of_group(
    group: Group, ranked: Ranked, pairs: list[tuple[int, int, float]], weight: Mapping[int, float]
) -> Iterator[Sure]:
    candidates = {
        candidate.slot: candidate
        for candidate in Candidate.objects.filter(group=group).select_related("positive", "negative")
    }
    least = round(min(weight.get(annotator, 1.0) for annotator in ranked.annotators), 6)
    for winner, loser, confidence in pairs:
        votes = ranked.direct(winner, loser)
        for_it = [(annotator, 3) for annotator in ranked.named.get((winner, loser), ())]
        against_it = [(annotator, 2) for annotator in ranked.named.get((loser, winner), ())]
        rests_on = [(annotator, 3) for annotator in ranked.annotators]
        for face, is_negative in ((candidates[loser].positive, False), (candidates[loser].negative, True)):
            is_direct = any(votes) and not is_negative
            yield Sure(
                group=group.index, faces=(group.anchor, candidates[winner].positive, face),
                source="direct" if is_direct else "inferred", annotators=ranked.annotators, weight=least,
                votes=votes, answers=sorted(for_it + against_it) if is_direct else rests_on,
                confidence=confidence,
            )  # fmt: skip
