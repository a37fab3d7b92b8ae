"""Tables of campaigns: groups, brackets, comparisons, leases, votes and the triplets derived from them."""

from annotate.campaigns.models.asking import (
    Comparison,
    ComparisonQuerySet,
    Participation,
    Question,
    Seat,
    Showing,
)
from annotate.campaigns.models.campaign import (
    Assignment,
    Bracket,
    Campaign,
    Candidate,
    Group,
    GroupState,
)
from annotate.campaigns.models.first_minutes import Attempt, Trial
from annotate.campaigns.models.gold import Gold, Purpose
from annotate.campaigns.models.voided import VoidedAnswers
from annotate.campaigns.models.votes import Answer, Flag, Relation, Vote

__all__ = [
    "Answer", "Assignment", "Attempt", "Bracket", "Campaign", "Candidate", "Comparison", "ComparisonQuerySet",
    "Flag", "Gold", "Group", "GroupState", "Participation", "Purpose", "Question", "Relation", "Seat",
    "Showing", "Trial", "VoidedAnswers", "Vote",
]  # fmt: skip
