"""How sure each group's order is, from all answers that stand: its brackets', extra ones and evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, islice

from annotate.campaigns.models import Answer, Campaign, Group, Vote
from annotate.tournament.noise import GROUPS, estimate_noise
from annotate.tournament.ranking import Judgement, Noise, Posterior, posteriors

GROUPS_AT_ONCE = 200


@dataclass(frozen=True)
class Ranked:
    """A group that somebody has answered, who answered about which pair, and what follows."""

    group: int
    answers: list[tuple[int, Judgement]]
    posterior: Posterior

    @property
    def annotators(self) -> list[int]:
        """All whose answers it rests on."""
        return sorted({annotator for annotator, _ in self.answers})

    @cached_property
    def named(self) -> dict[tuple[int, int], list[int]]:
        """Who answered, by the pair (winner, loser) that she named."""
        named: dict[tuple[int, int], list[int]] = {}
        for annotator, judgement in self.answers:
            named.setdefault((judgement.winner, judgement.loser), []).append(annotator)
        return named

    def direct(self, winner: int, loser: int) -> tuple[int, int]:
        """How many answers on this very pair named the winner, and the loser."""
        return len(self.named.get((winner, loser), ())), len(self.named.get((loser, winner), ()))


def rank(campaign: Campaign, weight: Mapping[int, float]) -> Iterator[Ranked]:
    """Each answered group in the campaign's order, with its posterior; the noise is the campaign's own."""
    noise = noise_of(campaign, weight)
    answered = _answered(campaign, weight)
    while batch := list(islice(answered, GROUPS_AT_ONCE)):
        found = posteriors([[j for _, j in answers] for _, answers in batch], campaign.k, noise)
        for (group, answers), posterior in zip(batch, found, strict=True):
            yield Ranked(group, answers, posterior)


def noise_of(campaign: Campaign, weight: Mapping[int, float]) -> Noise:
    """The noise of a campaign's answers, estimated from a sample of its groups."""
    total = Group.objects.filter(campaign=campaign).count()
    stride = max(1, total // GROUPS)
    sampled = [
        [judgement for _, judgement in answers]
        for _, answers in _answered(campaign, weight, group__index__in=range(1, total + 1, stride))
    ]
    return estimate_noise(sampled, campaign.k)


def judgements_of(group_id: int, weight: Mapping[int, float]) -> list[Judgement]:
    """What has been answered about one group."""
    votes = Vote.objects.live().filter(group=group_id).exclude(answer=Answer.UNCERTAIN)
    return [judgement for _, judgement in (_judged(vote, weight) for vote in votes.order_by("pk"))]


def _answered(
    campaign: Campaign, weight: Mapping[int, float], **only: object
) -> Iterator[tuple[int, list[tuple[int, Judgement]]]]:
    votes = (
        Vote.objects.live()
        .filter(campaign=campaign, group__isnull=False, **only)
        .exclude(answer=Answer.UNCERTAIN)
        .order_by("group", "pk")
        .only("group_id", "low", "high", "answer", "low_is_left", "annotator_id")
    )
    for group, of_group in groupby(votes.iterator(chunk_size=5_000), key=lambda vote: vote.group_id):
        yield group, [_judged(vote, weight) for vote in of_group]


def _judged(vote: Vote, weight: Mapping[int, float]) -> tuple[int, Judgement]:
    winner = vote.winner
    judgement = Judgement(winner, vote.low + vote.high - winner, weight.get(vote.annotator_id, 1.0))
    return vote.annotator_id, judgement
