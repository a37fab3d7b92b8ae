"""Tables of campaigns: groups, brackets, comparisons, leases, votes and the triplets derived from them."""

from annotate.campaigns.models.asking import (
    Comparison,
    ComparisonQuerySet,
    Gold,
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
from annotate.campaigns.models.votes import Answer, Flag, Relation, Vote

__all__ = [
    "Answer", "Assignment", "Bracket", "Campaign", "Candidate", "Comparison", "ComparisonQuerySet", "Flag",
    "Gold", "Group", "GroupState", "Participation", "Question", "Relation", "Seat", "Showing", "Vote",
]  # fmt: skip
