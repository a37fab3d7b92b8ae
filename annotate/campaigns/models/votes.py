"""What annotators answered, and the relations that follow from it."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Case, Count, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce

from annotate.accounts.models import User
from annotate.campaigns.models.asking import Comparison, Gold
from annotate.campaigns.models.campaign import Bracket, Campaign, Candidate, Group
from annotate.faces.models import Face


class Answer(models.TextChoices):
    LEFT = "left", "left"
    RIGHT = "right", "right"
    UNCERTAIN = "uncertain", "uncertain"


class Flag(models.TextChoices):
    BROKEN = "broken", "broken picture"
    KNOWN = "known", "known person"


class VoteQuerySet(models.QuerySet["Vote"]):
    def live(self) -> VoteQuerySet:
        """Those that neither she nor an admin has taken back."""
        return self.filter(retracted_at__isnull=True)

    def counted(self) -> VoteQuerySet:
        """Those that decide comparisons which are still asked; all other live ones are evidence only."""
        return self.live().filter(counts=True, comparison__is_withdrawn=False)

    def with_others(self, annotator: User) -> VoteQuerySet:
        """Adds, to votes of this annotator, how many of the group's other brackets order the pair as she did
        (`others_same`) and how many the other way (`others_otherwise`), by chains without votes of hers."""
        names_low = Q(answer=Answer.LEFT, low_is_left=True) | Q(answer=Answer.RIGHT, low_is_left=False)

        def slot(if_low: str, if_high: str) -> Case:
            return Case(
                When(answer=Answer.UNCERTAIN, then=None), When(names_low, then=if_low), default=if_high
            )  # fmt: skip

        def candidate(which: str) -> Subquery:
            return Subquery(
                Candidate.objects.filter(group=OuterRef("group"), slot=OuterRef(which)).values("pk")
            )

        def count(winner: str, loser: str) -> Coalesce:
            hers = Q(deciders__contains=[annotator.pk]) | Q(uncertain__contains=[annotator.pk])
            relations = (
                Relation.objects.filter(
                    ~hers, ~Q(bracket=OuterRef("own_bracket")), winner=OuterRef(winner), loser=OuterRef(loser)
                )
                .order_by()
                .values(flat=Value(1))
            )
            return Coalesce(Subquery(relations.annotate(n=Count("*")).values("n")), 0)

        return (
            self.annotate(own_bracket=Coalesce("comparison__bracket", 0))
            .annotate(named=slot("low", "high"), unnamed=slot("high", "low"))
            .annotate(named_candidate=candidate("named"), unnamed_candidate=candidate("unnamed"))
            .annotate(
                others_same=count("named_candidate", "unnamed_candidate"),
                others_otherwise=count("unnamed_candidate", "named_candidate"),
            )
        )

    def flagged_broken(self) -> VoteQuerySet:
        """Those that say of a picture (`flagged_face`) that it is no good."""
        return self.live().filter(flag=Flag.BROKEN)

    def flagged_known(self) -> VoteQuerySet:
        """Those that say of a face (`flagged_face`) that she knows the person."""
        return self.live().filter(flag=Flag.KNOWN)


class Vote(models.Model):
    """One annotator's answer. Never deleted, and never changed but for being retracted: by herself
    (undone) or by an admin (discarded). What a campaign knows is a function of these and its seeds.

    A flagged one says why she can not answer, and of which face: it decides nothing, and is not uncertain."""

    id = models.UUIDField(primary_key=True, help_text="Made by the client: the same vote twice counts once")
    # Columns that begin another index have none of their own.
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="votes", db_index=False)
    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, null=True, related_name="votes")
    gold = models.ForeignKey(Gold, on_delete=models.PROTECT, null=True, related_name="votes", db_index=False)
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="votes", db_index=False
    )
    answer = models.CharField(max_length=9, choices=Answer.choices)
    low_is_left = models.BooleanField()
    response_ms = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    counts = models.BooleanField(
        default=True,
        help_text="False where the comparison was closed before it came, of a gold one, and where flagged",
    )
    flag = models.CharField(max_length=6, choices=Flag.choices, null=True)  # noqa: DJ001 - most have none
    flagged_face = models.ForeignKey(
        Face, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    is_stand_in = models.BooleanField(
        default=False, help_text="She takes part in another repetition, and nobody else was left to ask"
    )
    retracted_at = models.DateTimeField(null=True)
    retracted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    # Repeated from the comparison, so that the database itself can hold the rule below.
    group = models.ForeignKey(Group, on_delete=models.CASCADE, null=True, related_name="votes")
    low = models.PositiveSmallIntegerField(null=True)
    high = models.PositiveSmallIntegerField(null=True)

    objects = VoteQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["annotator", "group", "low", "high"],
                condition=Q(retracted_at__isnull=True),
                name="vote_pair_once",
            ),
            models.UniqueConstraint(
                fields=["annotator", "gold"],
                condition=Q(gold__isnull=False, retracted_at__isnull=True),
                name="vote_gold_once",
            ),
            models.CheckConstraint(condition=Q(answer__in=Answer.values), name="vote_answer_known"),
            models.UniqueConstraint(
                fields=["comparison"],
                condition=~Q(answer=Answer.UNCERTAIN) & Q(counts=True, retracted_at__isnull=True),
                name="vote_decides_comparison_once",
            ),
            models.CheckConstraint(
                condition=Q(gold__isnull=True, comparison__isnull=False, group__isnull=False,
                            low__isnull=False, high__isnull=False)
                | Q(gold__isnull=False, comparison__isnull=True, group__isnull=True, low__isnull=True,
                    high__isnull=True, counts=False),
                name="vote_on_one",
            ),
            models.CheckConstraint(
                condition=Q(flag__isnull=True, flagged_face__isnull=True)
                | Q(flag__isnull=False, flag__in=Flag.values, flagged_face__isnull=False, counts=False,
                    answer=Answer.UNCERTAIN),
                name="vote_flag_decides_nothing",
            ),
            models.CheckConstraint(
                condition=Q(retracted_at__isnull=True) ^ Q(retracted_by__isnull=False),
                name="vote_retracted_by_somebody",
            ),
        ]  # fmt: skip
        indexes: ClassVar = [
            models.Index(fields=["campaign", "annotator", "created_at"], name="vote_of_annotator"),
            models.Index(fields=["gold"], condition=Q(gold__isnull=False), name="vote_on_gold"),
            models.Index(
                fields=["flagged_face"], condition=Q(flagged_face__isnull=False), name="vote_flagged_face"
            ),
        ]

    @property
    def winner(self) -> int | None:
        """The slot that this vote names, or None where it is uncertain."""
        if self.answer == Answer.UNCERTAIN:
            return None
        return self.low if (self.answer == Answer.LEFT) == self.low_is_left else self.high

    @property
    def seconds(self) -> float | None:
        """How long the answer took."""
        return None if self.response_ms is None else self.response_ms / 1000

    @property
    def names_nearer(self) -> bool | None:
        """Of a gold comparison's vote: whether it is right, or None where it is uncertain."""
        if self.answer == Answer.UNCERTAIN:
            return None
        return (self.answer == Answer.LEFT) == self.low_is_left


class Relation(models.Model):
    """What a bracket says of two candidates: `winner` is nearer the anchor than `loser`.

    Direct (chain 1) or inferred from several comparisons by transitivity. Each stands for two triplets:
    (anchor, winner, loser) and (anchor, winner, the loser's negative). A pure function of the votes,
    stored as comparisons are decided, so that an export is one query.
    """

    bracket = models.ForeignKey(Bracket, on_delete=models.CASCADE, related_name="relations", db_index=False)
    winner = models.ForeignKey(Candidate, on_delete=models.CASCADE, related_name="+")
    loser = models.ForeignKey(Candidate, on_delete=models.CASCADE, related_name="+")
    round = models.PositiveSmallIntegerField(help_text="Of the comparison that completed the chain")
    chain = models.PositiveSmallIntegerField(help_text="How many comparisons it rests on")
    comparison = models.ForeignKey(
        Comparison, on_delete=models.CASCADE, related_name="+", help_text="That completed the chain"
    )
    # PostgreSQL arrays have no foreign keys: users are deactivated, never deleted (Vote protects them).
    deciders = ArrayField(models.BigIntegerField(), help_text="Users whose votes it rests on")
    uncertain = ArrayField(
        models.BigIntegerField(), default=list, help_text="Users who answered along the chain, undecided"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["bracket", "winner", "loser"], name="relation_once"),
        ]
