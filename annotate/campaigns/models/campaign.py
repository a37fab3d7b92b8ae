"""Campaigns and what they are made of: groups, candidates, brackets."""

from __future__ import annotations

from typing import ClassVar

from django.apps import apps
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce

from annotate.accounts.models import User
from annotate.faces.models import Dataset, Face, ImportedTriplet, Split

# More in the first minutes would not be minutes.
MOST_TRIALS = 100


class Assignment(models.TextChoices):
    SPREAD = "spread", "spread a bracket over several annotators"
    WHOLE = "whole", "give one annotator a whole bracket"


class CampaignQuerySet(models.QuerySet["Campaign"]):
    def active(self) -> CampaignQuerySet:
        """Those that ask annotators now."""
        return self.filter(is_active=True)

    def with_progress(self, annotator: User | None = None) -> CampaignQuerySet:
        """Adds `decided` and `total` comparisons, and `mine`, the votes of one annotator."""

        def count(table: str, **conditions: object) -> Subquery:
            rows = (
                apps.get_model("campaigns", table)
                .objects.filter(**conditions)
                .order_by()
                .values(flat=Value(1))
            )
            return Coalesce(Subquery(rows.annotate(n=Count("*")).values("n")), 0)

        in_brackets = {"campaign": OuterRef("pk"), "bracket__isnull": False, "is_withdrawn": False}
        campaigns = self.annotate(
            decided=count("Comparison", winner__isnull=False, **in_brackets),
            total=count("Group", campaign=OuterRef("pk")) * F("repetitions") * (F("k") - 1),
        )
        if annotator is not None:
            hers = {"campaign": OuterRef("pk"), "annotator": annotator, "retracted_at__isnull": True}
            campaigns = campaigns.annotate(mine=count("Vote", **hers))
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
    assignment = models.CharField(max_length=6, choices=Assignment.choices, default=Assignment.SPREAD)
    gold_rate = models.FloatField(
        default=0.0, validators=[MinValueValidator(0.0), MaxValueValidator(0.5)],
        help_text="The share of gold comparisons in what an annotator is asked",
    )  # fmt: skip
    extra_comparisons = models.PositiveSmallIntegerField(
        default=0, validators=[MaxValueValidator(500)],
        help_text="At most so many a group after its tournament, where they inform most",
    )  # fmt: skip
    extra_confidence = models.FloatField(
        default=0.9, validators=[MinValueValidator(0.5), MaxValueValidator(0.999)],
        help_text="A group gets no more extra comparisons once its triplets are so sure",
    )  # fmt: skip
    pause_after_minutes = models.PositiveSmallIntegerField(
        default=25, validators=[MaxValueValidator(240)],
        help_text="Annotators are advised to rest after so many minutes of answering; 0: never",
    )  # fmt: skip
    instructions = models.TextField(
        blank=True, help_text="Markdown; where empty, those that fit any campaign"
    )
    practice_count = models.PositiveSmallIntegerField(
        default=0, validators=[MaxValueValidator(MOST_TRIALS)],
        help_text="Comparisons with feedback before the first real one",
    )  # fmt: skip
    qualification_count = models.PositiveSmallIntegerField(
        default=0, validators=[MaxValueValidator(MOST_TRIALS)],
        help_text="Gold comparisons that say whether she may take part; 0: everybody may",
    )  # fmt: skip
    qualification_threshold = models.PositiveSmallIntegerField(
        default=0, help_text="So many of them are to be right"
    )
    qualification_attempts = models.PositiveSmallIntegerField(
        default=3, validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="How often she may try before a curator has to help",
    )  # fmt: skip
    is_active = models.BooleanField(default=True, help_text="Annotators are asked only while it is active")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(k__in=[2, 4, 8, 16, 32, 64]), name="campaign_k_power_of_two"),
            models.CheckConstraint(
                condition=Q(qualification_threshold__lte=F("qualification_count")),
                name="campaign_threshold_can_be_reached",
            ),
            models.CheckConstraint(
                condition=Q(qualification_attempts__gte=1), name="campaign_qualification_can_be_tried"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class GroupState(models.TextChoices):
    NEW = "new", "not begun"
    UNDER_WAY = "under-way", "under way"
    FINISHED = "finished", "finished"


class GroupQuerySet(models.QuerySet["Group"]):
    def in_state(self, state: str) -> GroupQuerySet:
        """Those that nobody has begun, that are under way, or whose brackets are all finished; all for ""."""
        brackets = Bracket.objects.filter(group=OuterRef("pk"))
        unfinished = Exists(brackets.filter(finished_at__isnull=True))
        rows = apps.get_model("campaigns", "Comparison").objects.filter(group=OuterRef("pk"))
        begun = Exists(rows.filter(Q(winner__isnull=False) | Q(uncertain__gt=0)))
        return {
            "": self,
            GroupState.NEW: self.filter(~begun),
            GroupState.UNDER_WAY: self.filter(begun, unfinished),
            GroupState.FINISHED: self.filter(~unfinished),
        }[state]

    def after(self, index: int) -> GroupQuerySet:
        """Those that follow a group in the campaign's order, with their `decided` matches and `ties`."""
        rows = (
            apps.get_model("campaigns", "Comparison")
            .objects.filter(
                group=OuterRef("pk"), bracket__isnull=False, winner__isnull=False, is_withdrawn=False
            )
            .order_by()
            .values(flat=Value(1))
        )
        return (
            self.filter(index__gt=index)
            .order_by("index")
            .annotate(
                decided=Coalesce(Subquery(rows.annotate(n=Count("*")).values("n")), 0),
                ties=Coalesce(Subquery(rows.filter(is_tie=True).annotate(n=Count("*")).values("n")), 0),
            )
        )


class Group(models.Model):
    """An anchor and its k candidates."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="groups")
    index = models.PositiveIntegerField(help_text="1, 2, 3, ... within the campaign")
    anchor = models.ForeignKey(Face, on_delete=models.PROTECT, related_name="+")
    split = models.CharField(max_length=5, choices=Split.choices)
    is_sure = models.BooleanField(default=False, help_text="It needs no extra comparisons any more")

    objects = GroupQuerySet.as_manager()

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
