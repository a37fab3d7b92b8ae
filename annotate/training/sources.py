"""What each source of a campaign's groups brought: drawn at its start, proposed by a version, drawn beside.

Read as sets, one query a figure, whatever the number of groups. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import TextChoices

from annotate.campaigns.models import Campaign
from annotate.faces.models import Split
from annotate.tournament.quality import Share
from annotate.training.models import ModelVersion, Proposal


class Source(TextChoices):
    START = "start", "drawn at the start"
    PROPOSED = "proposed", "proposed by a version"
    RANDOM = "random", "random share of proposals"


@dataclass(frozen=True)
class Brought:
    """One source. `foretold`: of the comparisons that were decided, those whose winner the version that
    proposed the group had put nearer; `active`: the same of the active version, in groups that it has not
    been trained on."""

    source: Source
    groups: int
    finished: int
    answers: int
    uncertain: Share
    triplets: int
    foretold: Share
    active: Share

    @property
    def triplets_an_answer(self) -> float | None:
        return self.triplets / self.answers if self.answers else None

    @property
    def contradicted(self) -> Share:
        """Where the proposing version was wrong."""
        return Share(self.foretold.n - self.foretold.count, self.foretold.n)


# Each group with its source, and the version that proposed it.
_GROUPS = """
    WITH of_group AS (
        SELECT g.id, g.anchor_id, g.split, o.model_version_id AS version,
            CASE WHEN p.id IS NULL THEN 'start' WHEN p.is_random THEN 'random' ELSE 'proposed' END AS source
        FROM campaigns_group g
        LEFT JOIN training_proposedgroup p ON p.group_id = g.id
        LEFT JOIN training_proposal o ON o.id = p.proposal_id
        WHERE g.campaign_id = %s
    )
"""

GROUPS = (
    _GROUPS
    + """
    SELECT o.source, count(*), count(*) FILTER (WHERE NOT EXISTS (
        SELECT FROM campaigns_bracket b WHERE b.group_id = o.id AND b.finished_at IS NULL))
    FROM of_group o GROUP BY o.source
"""
)

ANSWERS = (
    _GROUPS
    + """
    SELECT o.source, count(*), count(*) FILTER (WHERE v.answer = 'uncertain')
    FROM of_group o JOIN campaigns_vote v ON v.group_id = o.id AND v.retracted_at IS NULL
    GROUP BY o.source
"""
)

# A relation is two triplets: against the loser, and against its negative.
TRIPLETS = (
    _GROUPS
    + """
    SELECT o.source, 2 * count(*)
    FROM of_group o JOIN campaigns_bracket b ON b.group_id = o.id
    JOIN campaigns_relation r ON r.bracket_id = b.id
    GROUP BY o.source
"""
)

# Of groups that some version had not been trained on, how many of their decided comparisons it foretells.
# {version} names it, {unseen} says which groups those are.
_FORETOLD = (
    _GROUPS
    + """, away AS MATERIALIZED (
        SELECT c.group_id, c.slot, a.vector <-> p.vector AS distance
        FROM of_group o
        JOIN campaigns_candidate c ON c.group_id = o.id
        JOIN training_embedding a ON a.model_version_id = {version} AND a.face_id = o.anchor_id
        JOIN training_embedding p ON p.model_version_id = {version} AND p.face_id = c.positive_id
        WHERE {unseen}
    )
    SELECT o.source, count(*), count(*) FILTER (WHERE w.distance < l.distance)
    FROM of_group o
    JOIN campaigns_comparison c ON c.group_id = o.id
    JOIN away w ON w.group_id = o.id AND w.slot = c.winner
    JOIN away l ON l.group_id = o.id AND l.slot = c.low + c.high - c.winner
    WHERE c.winner IS NOT NULL AND NOT c.is_tie AND NOT c.is_withdrawn
    GROUP BY o.source
"""
)
BY_PROPOSER = _FORETOLD.format(version="o.version", unseen="o.version IS NOT NULL")
BY_ACTIVE = _FORETOLD.format(
    version="%s",
    unseen="""o.split = %s OR %s::timestamptz IS NULL OR NOT EXISTS (
            SELECT FROM campaigns_comparison d WHERE d.group_id = o.id AND d.decided_at <= %s)""",
)


def brought(campaign: Campaign, active: ModelVersion | None) -> list[Brought]:
    """What each source that the campaign has brought so far."""
    groups = _read(GROUPS, [campaign.pk])
    answers = _read(ANSWERS, [campaign.pk])
    triplets = _read(TRIPLETS, [campaign.pk])
    foretold = _read(BY_PROPOSER, [campaign.pk])
    by_active = {} if active is None else _read(BY_ACTIVE, _of_active(campaign, active))
    found = []
    for source in Source:
        if source in groups:
            count, finished = groups[source]
            said, uncertain = answers.get(source, (0, 0))
            [given] = triplets.get(source, (0,))
            shares = (Share(*reversed(of.get(source, (0, 0)))) for of in (foretold, by_active))
            found.append(Brought(source, count, finished, said, Share(uncertain, said), given, *shares))
    return found


def _of_active(campaign: Campaign, active: ModelVersion) -> list[object]:
    until = trained_until(campaign, active)
    return [campaign.pk, active.pk, active.pk, Split.VAL, until, until]


TRAINED_UNTIL = """
    WITH RECURSIVE line AS (
        SELECT v.run_id FROM training_modelversion v WHERE v.id = %s
        UNION SELECT v.run_id FROM line
        JOIN training_run r ON r.id = line.run_id JOIN training_modelversion v ON v.id = r.parent_id
    )
    SELECT max(s.created_at) FROM line JOIN training_run r ON r.id = line.run_id
    JOIN training_snapshot s ON s.id = r.snapshot_id WHERE s.campaign_id = %s
"""


def trained_until(campaign: Campaign, version: ModelVersion) -> datetime | None:
    """When the newest snapshot was frozen that brought this campaign's answers into the version, or into one
    that it descends from. None where none did."""
    with connection.cursor() as cursor:
        cursor.execute(TRAINED_UNTIL, [version.pk, campaign.pk])
        [newest] = cursor.fetchone()
    return newest


def _read(query: str, values: Iterable[object]) -> dict[str, tuple[int, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, list(values))
        return {source: tuple(figures) for source, *figures in cursor.fetchall()}


def history(campaign: Campaign) -> list[dict[str, object]]:
    """The campaign's proposals, the newest first, with how many groups each added."""
    proposals = list(
        Proposal.objects.filter(campaign=campaign)
        .select_related("model_version", "created_by")
        .order_by("-pk")
    )
    counts = _counts(proposals)
    return [
        {"proposal": one, "proposed": counts.get((one.pk, False), 0), "random": counts.get((one.pk, True), 0)}
        for one in proposals
    ]


def _counts(proposals: list[Proposal]) -> dict[tuple[int, bool], int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proposal_id, is_random, count(*) FROM training_proposedgroup WHERE proposal_id = ANY(%s) "
            "GROUP BY proposal_id, is_random",
            [[one.pk for one in proposals]],
        )
        return {(proposal, is_random): count for proposal, is_random, count in cursor.fetchall()}
