"""Proposals: asked for by an admin, made by a worker, which adds their groups to the campaign."""

from __future__ import annotations

import random
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F

from annotate.accounts.models import User
from annotate.campaigns.creation import add_groups
from annotate.campaigns.models import Campaign
from annotate.training.models import Proposal, ProposedGroup
from annotate.training.proposing import CannotPropose, Draft, draft
from annotate.training.versions import active_version

MOST_ATTEMPTS = 3
MOST_GROUPS = 5000


@transaction.atomic
def ask_for_proposal(
    campaign: Campaign, *, groups: int, random_share: float, seed: int, by: User | None, at: datetime
) -> Proposal:
    """Note that the active version is to propose groups; the caller puts it on the queue.

    Raises CannotPropose where no version is active, or another proposal is being made.
    """
    version = active_version()
    if version is None:
        raise CannotPropose("No model version is active. Promote one first, on its page.")
    if not 1 <= groups <= MOST_GROUPS or not 0 <= random_share <= 1:
        raise CannotPropose(f"A proposal is of 1 to {MOST_GROUPS} groups, and its random share from 0 to 1.")
    try:
        with transaction.atomic():
            return Proposal.objects.create(
                campaign=campaign, model_version=version, wanted=groups, random_share=random_share, seed=seed,
                created_by=by, enqueued_at=at,
            )  # fmt: skip
    except IntegrityError:
        raise CannotPropose("Groups are being proposed to this campaign already; wait for those.") from None


def make_proposal(proposal_id: int, at: datetime) -> bool:
    """Make a proposal that was asked for. False where there is nothing to do (any more), or it failed.

    A failure is noted for the admin to read.
    """
    unfinished = Proposal.objects.unfinished().select_related("campaign__dataset", "model_version")
    proposal = unfinished.filter(pk=proposal_id).first()
    if proposal is None:
        return False
    Proposal.objects.filter(pk=proposal_id).update(attempts=F("attempts") + 1)
    try:
        found = draft(
            proposal.campaign, proposal.model_version, proposal.wanted, proposal.random_share, proposal.seed
        )
    except CannotPropose as error:
        Proposal.objects.unfinished().filter(pk=proposal_id).update(error=str(error), ended_at=at)
        return False
    return _enter(proposal, found, at)


@transaction.atomic
def _enter(proposal: Proposal, found: Draft, at: datetime) -> bool:
    """Add the groups to the campaign, unless another worker has done so."""
    if not Proposal.objects.select_for_update().unfinished().filter(pk=proposal.pk).exists():
        return False
    scores: dict[int, float | None] = {group.anchor: score for group, score in found.proposed}
    groups = [*found.drawn, *(group for group, _ in found.proposed)]
    # In any order, so that neither kind is asked about first.
    random.Random(proposal.seed).shuffle(groups)
    ProposedGroup.objects.bulk_create(
        ProposedGroup(
            proposal=proposal,
            group=group,
            is_random=drawn.anchor not in scores,
            score=scores.get(drawn.anchor),
        )
        for drawn, group in add_groups(proposal.campaign, groups)
    )
    Proposal.objects.filter(pk=proposal.pk).update(ended_at=at)
    return True


@transaction.atomic
def overdue_proposals(at: datetime) -> list[int]:
    """Those to be put on the queue again; the ones that took down every worker that began them fail."""
    Proposal.objects.overdue(at).filter(attempts__gte=MOST_ATTEMPTS).update(
        ended_at=at,
        error=f"{MOST_ATTEMPTS} workers began it and none finished it; the worker's log says more. "
        "No group was added; ask for it again when that is mended.",
    )
    again = Proposal.objects.overdue(at).select_for_update(skip_locked=True).values_list("pk", flat=True)
    ids = list(again)
    Proposal.objects.filter(pk__in=ids).update(enqueued_at=at)
    return ids
