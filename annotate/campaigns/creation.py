"""Creates campaigns and adds groups to them: lays out every bracket's first round. What is drawn drawing.py
says."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Max

from annotate.campaigns.drawing import CannotDrawGroups, DrawFrom, DrawnGroup, draws, why_none
from annotate.campaigns.gold import draw_gold_from_triplets
from annotate.campaigns.models import Bracket, Campaign, Candidate, Comparison, Group
from annotate.faces.models import Dataset, Face
from annotate.tournament import bracket as tournament_bracket

GROUPS_AT_ONCE = 200
# A preview tries so many anchors at most, and shows so many groups.
ANCHORS_TRIED, GROUPS_PREVIEWED = 500, 4


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
    anchors: Collection[int] | None = None,
    **settings: object,
) -> Creation:
    """A campaign of up to `groups` groups; fewer where the data set has no more anchors that fill one.

    `anchors`: these faces alone may be one; their candidates are any of the data set's faces.
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
    for drawn in draws(dataset, k, random.Random(seed), draw_from, among=anchors):
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
        raise CannotDrawGroups(why_none(dataset, k, creation.skipped, draw_from, anchors))
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
    for drawn in draws(dataset, k, random.Random(seed), draw_from):
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
        raise CannotDrawGroups(why_none(dataset, k, preview.skipped, draw_from))
    return preview


@transaction.atomic
def add_groups(campaign: Campaign, drawn: Sequence[DrawnGroup]) -> list[tuple[DrawnGroup, Group]]:
    """Add groups to a campaign that may be under way; annotators come to them as to any others.

    Left out are those whose anchor has a group there by now, or one of whose faces is not ready any more.
    """
    # Whoever adds groups waits here for whoever does; votes, which only refer to the campaign, do not.
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    ready = set(Face.objects.ready().filter(pk__in=_faces(drawn)).values_list("pk", flat=True))
    taken = set(campaign.groups.values_list("anchor", flat=True))
    fit = []
    for group in drawn:
        if group.anchor not in taken and ready.issuperset(_faces([group])):
            taken.add(group.anchor)
            fit.append(group)
    index = campaign.groups.aggregate(last=Max("index"))["last"] or 0
    added: list[tuple[DrawnGroup, Group]] = []
    for start in range(0, len(fit), GROUPS_AT_ONCE):
        batch = fit[start : start + GROUPS_AT_ONCE]
        groups = _lay_out(campaign, batch, first_index=index + start + 1)
        added += zip(batch, groups, strict=True)
    return added


def _faces(drawn: Iterable[DrawnGroup]) -> set[int]:
    return {
        face
        for group in drawn
        for face in (group.anchor, *(f for pair in group.candidates for f in (pair.positive, pair.negative)))
    }


def _lay_out(campaign: Campaign, drawn: list[DrawnGroup], *, first_index: int) -> list[Group]:
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
    return groups


def bracket_seed(campaign: Campaign, group: int, repetition: int) -> int:
    """A seed for each bracket that depends on the campaign's seed, and on nothing that a restore changes."""
    return random.Random(f"{campaign.seed}:{group}:{repetition}").getrandbits(62)
