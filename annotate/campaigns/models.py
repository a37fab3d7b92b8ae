"""Tables of campaigns: groups, brackets, comparisons, leases, votes and the triplets derived from them."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce

from annotate.accounts.models import User
from annotate.faces.models import Dataset, Face, ImportedTriplet, Split


class Answer(models.TextChoices):
    LEFT = "left", "left"
    RIGHT = "right", "right"
    UNCERTAIN = "uncertain", "uncertain"


class CampaignQuerySet(models.QuerySet["Campaign"]):
    def active(self) -> CampaignQuerySet:
        """Those that ask annotators now."""
        return self.filter(is_active=True)

    def with_progress(self, annotator: User | None = None) -> CampaignQuerySet:
        """Adds `decided` and `total` comparisons, and `mine`, the votes of one annotator."""

        def count(table: type[models.Model], **conditions: object) -> Subquery:
            rows = table.objects.filter(**conditions).order_by().values(flat=Value(1))
            return Coalesce(Subquery(rows.annotate(n=Count("*")).values("n")), 0)

        campaigns = self.annotate(
            decided=count(Comparison, campaign=OuterRef("pk"), winner__isnull=False),
            total=count(Group, campaign=OuterRef("pk")) * F("repetitions") * (F("k") - 1),
        )
        if annotator is not None:
            campaigns = campaigns.annotate(
                mine=count(Vote, group__campaign=OuterRef("pk"), annotator=annotator)
            )
        return campaigns


class Campaign(models.Model):
    name = models.CharField(max_length=100, unique=True)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="campaigns")
    k = models.PositiveSmallIntegerField(default=16, help_text="Candidates in a group, a power of two")
    repetitions = models.PositiveSmallIntegerField(default=3, validators=[MinValueValidator(1)])
    max_uncertain = models.PositiveSmallIntegerField(
        default=3, validators=[MinValueValidator(1), MaxValueValidator(20)],
        help_text="After so many different annotators said uncertain, a comparison is a tie",
    )  # fmt: skip
    seed = models.BigIntegerField(default=0)
    is_active = models.BooleanField(default=True, help_text="Annotators are asked only while it is active")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(k__in=[2, 4, 8, 16, 32, 64]), name="campaign_k_power_of_two"),
        ]

    def __str__(self) -> str:
        return self.name


class Group(models.Model):
    """An anchor and its k candidates."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="groups")
    index = models.PositiveIntegerField(help_text="1, 2, 3, ... within the campaign")
    anchor = models.ForeignKey(Face, on_delete=models.PROTECT, related_name="+")
    split = models.CharField(max_length=5, choices=Split.choices)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign", "index"], name="group_index_once"),
            models.UniqueConstraint(fields=["campaign", "anchor"], name="group_anchor_once"),
        ]

    def __str__(self) -> str:
        return f"{self.campaign}, group {self.index}"


class Candidate(models.Model):
    """One of a group's k positives, with the negative of the triplet that it came from."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="candidates")
    slot = models.PositiveSmallIntegerField(help_text="0 .. k - 1 within the group")
    positive = models.ForeignKey(Face, on_delete=models.PROTECT, related_name="+")
    negative = models.ForeignKey(Face, on_delete=models.PROTECT, related_name="+")
    imported_triplet = models.ForeignKey(
        ImportedTriplet, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["group", "slot"], name="candidate_slot_once"),
            models.UniqueConstraint(fields=["group", "positive"], name="candidate_positive_once"),
            models.UniqueConstraint(fields=["group", "negative"], name="candidate_negative_once"),
            models.CheckConstraint(condition=~Q(positive=F("negative")), name="candidate_two_faces"),
        ]


class Bracket(models.Model):
    """One repetition of a group's tournament. The seed fixes its draw and the coins of its ties."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="brackets")
    repetition = models.PositiveSmallIntegerField(help_text="1, 2, 3, ...")
    seed = models.BigIntegerField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["group", "repetition"], name="bracket_repetition_once"),
        ]


class ComparisonQuerySet(models.QuerySet["Comparison"]):
    def open(self) -> ComparisonQuerySet:
        """Those that no vote and no tie has decided yet."""
        return self.filter(winner__isnull=True)

    def free(self, at: datetime) -> ComparisonQuerySet:
        """Open ones that nobody holds a lease on."""
        return self.open().filter(Q(leased_until__isnull=True) | Q(leased_until__lte=at))

    def leased_to(self, annotator: User, at: datetime) -> ComparisonQuerySet:
        """Open ones that this annotator is looking at."""
        return self.open().filter(leased_to=annotator, leased_until__gt=at)

    def unanswered_by(self, annotator: User) -> ComparisonQuerySet:
        """Those whose pair she has not answered for this anchor, in whichever repetition."""
        hers = Vote.objects.filter(
            annotator=annotator, group=OuterRef("group"), low=OuterRef("low"), high=OuterRef("high")
        )
        return self.filter(~Exists(hers))

    def in_her_repetition(self, annotator: User, at: datetime) -> ComparisonQuerySet:
        """Those of groups in which she has answered, or is looking at, no other repetition."""
        voted = Vote.objects.filter(annotator=annotator, group=OuterRef("group"))
        looking = Comparison.objects.leased_to(annotator, at).filter(group=OuterRef("group"))
        return self.filter(
            ~Exists(voted.exclude(comparison__bracket=OuterRef("bracket"))),
            ~Exists(looking.exclude(bracket=OuterRef("bracket"))),
        )

    def undecided_by_some(self) -> ComparisonQuerySet:
        """Open ones that somebody was uncertain about: they wait for another annotator."""
        return self.open().filter(votes__isnull=False).distinct()


class Comparison(models.Model):
    """One match of a bracket, and the question that it puts: which of two is more like the anchor?

    `low` and `high` are the slots of its two candidates, low < high. A comparison is open until it is
    decided (`winner` is set) by a vote, or is a tie whose coin says who goes on. The lease says who is
    looking at it now and until when; it stands here, so that one row lock covers all of it.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="+")
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="comparisons")
    bracket = models.ForeignKey(Bracket, on_delete=models.CASCADE, related_name="comparisons")
    round = models.PositiveSmallIntegerField(help_text="1 is the first")
    position = models.PositiveSmallIntegerField(help_text="0, 1, 2, ... within the round")
    low = models.PositiveSmallIntegerField()
    high = models.PositiveSmallIntegerField()
    winner = models.PositiveSmallIntegerField(null=True, help_text="The slot that goes on")
    is_tie = models.BooleanField(default=False)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+",
        help_text="The admin who called it a tie, where nobody could be asked any more",
    )  # fmt: skip
    decided_at = models.DateTimeField(null=True)
    leased_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    leased_until = models.DateTimeField(null=True)

    objects = ComparisonQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["bracket", "round", "position"], name="comparison_place_once"),
            models.CheckConstraint(condition=Q(low__lt=F("high")), name="comparison_low_below_high"),
            models.CheckConstraint(
                condition=Q(winner__isnull=True, decided_at__isnull=True, is_tie=False)
                | Q(decided_at__isnull=False, winner=F("low"))
                | Q(decided_at__isnull=False, winner=F("high")),
                name="comparison_winner_is_one_of_two",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["campaign", "group", "id"], condition=Q(winner__isnull=True), name="comparison_open"
            ),
            models.Index(fields=["campaign"], condition=Q(winner__isnull=False), name="comparison_decided"),
        ]


class Showing(models.Model):
    """A comparison as it was put to one annotator. Her vote is accepted for this, also after the lease."""

    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="showings")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    low_is_left = models.BooleanField(help_text="Drawn at random for each annotator")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["comparison", "annotator"], name="showing_once"),
        ]


class Vote(models.Model):
    """One annotator's answer to a comparison. Never changed, never deleted by the application."""

    id = models.UUIDField(primary_key=True, help_text="Made by the client: the same vote twice counts once")
    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="votes")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="votes")
    answer = models.CharField(max_length=9, choices=Answer.choices)
    low_is_left = models.BooleanField()
    response_ms = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # Repeated from the comparison, so that the database itself can hold the rule below.
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="votes")
    low = models.PositiveSmallIntegerField()
    high = models.PositiveSmallIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["annotator", "group", "low", "high"], name="vote_pair_once"),
            models.CheckConstraint(condition=Q(answer__in=Answer.values), name="vote_answer_known"),
            models.UniqueConstraint(
                fields=["comparison"],
                condition=~Q(answer=Answer.UNCERTAIN),
                name="vote_decides_comparison_once",
            ),
        ]

    @property
    def winner(self) -> int | None:
        """The slot that this vote names, or None where it is uncertain."""
        if self.answer == Answer.UNCERTAIN:
            return None
        return self.low if (self.answer == Answer.LEFT) == self.low_is_left else self.high


class Relation(models.Model):
    """What a bracket says of two candidates: `winner` is nearer the anchor than `loser`.

    Direct (chain 1) or inferred from several comparisons by transitivity. Each stands for two triplets:
    (anchor, winner, loser) and (anchor, winner, the loser's negative). A pure function of the votes,
    stored as comparisons are decided, so that an export is one query.
    """

    bracket = models.ForeignKey(Bracket, on_delete=models.CASCADE, related_name="relations")
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
