"""What annotators are asked, and where they stand: comparisons, seats, showings."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from annotate.accounts.models import User
from annotate.campaigns.models.campaign import Bracket, Campaign, Group
from annotate.campaigns.models.gold import Gold
from annotate.faces.models import Face


class ComparisonQuerySet(models.QuerySet["Comparison"]):
    def open(self) -> ComparisonQuerySet:
        """Those that are asked, and that no vote and no tie has decided yet."""
        return self.filter(winner__isnull=True, is_withdrawn=False)

    def free(self, at: datetime) -> ComparisonQuerySet:
        """Open ones that nobody holds a lease on."""
        return self.open().filter(Q(leased_until__isnull=True) | Q(leased_until__lte=at))

    def leased_to(self, annotator: User, at: datetime) -> ComparisonQuerySet:
        """Open ones that this annotator is looking at."""
        return self.open().filter(leased_to=annotator, leased_until__gt=at)

    def tied(self) -> ComparisonQuerySet:
        """Those that nobody could decide, and that are still part of what is asked."""
        return self.filter(is_tie=True, is_withdrawn=False)

    def unanswered_by(self, annotator: User) -> ComparisonQuerySet:
        """Those whose pair she has not answered for this anchor, in whichever repetition."""
        votes = apps.get_model("campaigns", "Vote").objects.live()
        hers = votes.filter(
            annotator=annotator, group=OuterRef("group"), low=OuterRef("low"), high=OuterRef("high")
        )
        return self.filter(~Exists(hers))

    def waiting(self) -> ComparisonQuerySet:
        """Open ones that need somebody else: some were uncertain, or all who take part have answered the
        pair already, in whichever repetition. (Nobody takes part yet: nothing waits.)"""
        votes = apps.get_model("campaigns", "Vote").objects.live()
        on_pair = votes.filter(group=OuterRef("group"), low=OuterRef("low"), high=OuterRef("high"))
        answered = votes.filter(
            annotator=OuterRef("annotator"), group=OuterRef(OuterRef("group")),
            low=OuterRef(OuterRef("low")), high=OuterRef(OuterRef("high")),
        )  # fmt: skip
        left = Participation.objects.filter(
            campaign=OuterRef("campaign"), paused_at__isnull=True, seen_at__isnull=False
        )
        nobody_left = Exists(on_pair) & ~Exists(left.filter(~Exists(answered)))
        return self.open().filter(Q(uncertain__gt=0) | nobody_left)


class Comparison(models.Model):
    """The question that is put: which of two candidates is more like the anchor?

    `low` and `high` are their slots, low < high. It is a match of a bracket, or an extra one that belongs
    to no repetition. It is open until it is decided (`winner` is set) by a vote, or is a tie whose coin
    says who goes on. A match is withdrawn while the bracket, replayed after a retraction, does not ask it
    any more. The lease says who is looking at it now and until when.
    """

    # Every answer writes here: columns that begin another index have none of their own.
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="+", db_index=False)
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="comparisons")
    bracket = models.ForeignKey(
        Bracket, on_delete=models.CASCADE, null=True, related_name="comparisons", db_index=False
    )
    round = models.PositiveSmallIntegerField(null=True, help_text="1 is the first")
    position = models.PositiveSmallIntegerField(null=True, help_text="0, 1, 2, ... within the round")
    low = models.PositiveSmallIntegerField()
    high = models.PositiveSmallIntegerField()
    winner = models.PositiveSmallIntegerField(null=True, help_text="The slot that goes on")
    is_tie = models.BooleanField(default=False)
    is_withdrawn = models.BooleanField(default=False)
    uncertain = models.PositiveSmallIntegerField(default=0, help_text="Counted votes that name neither")
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False,
        help_text="The admin who called it a tie, where nobody could be asked any more",
    )  # fmt: skip
    decided_at = models.DateTimeField(null=True)
    leased_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    leased_until = models.DateTimeField(null=True)

    objects = ComparisonQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["bracket", "round", "position"],
                condition=Q(is_withdrawn=False),
                name="comparison_place_once",
            ),
            models.UniqueConstraint(
                fields=["bracket", "round", "position", "low", "high"], name="comparison_question_once"
            ),
            models.UniqueConstraint(
                fields=["group", "low", "high"],
                condition=Q(bracket__isnull=True, winner__isnull=True),
                name="comparison_extra_open_once",
            ),
            models.CheckConstraint(
                condition=Q(bracket__isnull=False, round__isnull=False, position__isnull=False)
                | Q(bracket__isnull=True, round__isnull=True, position__isnull=True),
                name="comparison_match_or_extra",
            ),
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
                fields=["campaign", "group", "id"],
                condition=Q(winner__isnull=True, is_withdrawn=False),
                name="comparison_open",
            ),
            models.Index(
                fields=["campaign", "group"],
                condition=Q(winner__isnull=True, is_withdrawn=False, uncertain__gt=0),
                name="comparison_undecided_by_some",
            ),
            models.Index(fields=["campaign"], condition=Q(winner__isnull=False), name="comparison_decided"),
            models.Index(
                fields=["leased_to"], condition=Q(leased_to__isnull=False), name="comparison_leased"
            ),
        ]


class Seat(models.Model):
    """An annotator's place in a group: the repetition that she takes part in. She has one a group."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="+", db_index=False)
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="seats", db_index=False)
    bracket = models.ForeignKey(Bracket, on_delete=models.CASCADE, related_name="seats")
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    leases = models.PositiveSmallIntegerField(default=0, help_text="Comparisons that she was given from here")
    is_open = models.BooleanField(default=True, help_text="Until the bracket is finished")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["group", "annotator"], name="seat_one_repetition"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["campaign", "annotator"], condition=Q(is_open=True), name="seat_open"),
        ]


class Participation(models.Model):
    """An annotator in a campaign: how far she is with her first minutes, when she was last here, where she
    goes on, and whether she is paused."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="participations")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    seen_at = models.DateTimeField(null=True, help_text="When she last asked for comparisons")
    group = models.ForeignKey(
        Group, on_delete=models.SET_NULL, null=True, related_name="+", help_text="Whose anchor she saw last"
    )
    reached = models.BigIntegerField(default=0, help_text="The last group that she was given a seat in")
    paused_at = models.DateTimeField(null=True)
    paused_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    read_at = models.DateTimeField(null=True, help_text="When she had read the instructions")
    practised_at = models.DateTimeField(null=True, help_text="When she had first practised")
    qualified_at = models.DateTimeField(null=True)
    qualified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+",
        help_text="The curator who let her in by hand",
    )  # fmt: skip
    attempts = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="At the qualification, since a curator last reset them"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign", "annotator"], name="participation_once"),
            models.CheckConstraint(
                condition=Q(qualified_by__isnull=True) | Q(qualified_at__isnull=False),
                name="participation_let_in_is_qualified",
            ),
        ]


class Showing(models.Model):
    """A comparison, or a gold one, as it was put to one annotator. Her vote is accepted for this, also
    after the lease. On screen nothing tells the two apart.

    `low_is_left`: the lower slot, or of a gold one the nearer face, was on the left.
    """

    comparison = models.ForeignKey(
        Comparison, on_delete=models.CASCADE, null=True, related_name="showings", db_index=False
    )
    gold = models.ForeignKey(
        Gold, on_delete=models.CASCADE, null=True, related_name="showings", db_index=False
    )
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    low_is_left = models.BooleanField(help_text="Drawn at random for each annotator")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["comparison", "annotator"], name="showing_once"),
            models.UniqueConstraint(
                fields=["gold", "annotator"], condition=Q(gold__isnull=False), name="showing_gold_once"
            ),
            models.CheckConstraint(
                condition=Q(comparison__isnull=True) ^ Q(gold__isnull=True), name="showing_of_one"
            ),
        ]


class Question(models.Model):
    """A showing as its annotator sees it: three faces, and who of the two is on the left.

    A view, for reading. `comparison` is None where it is a gold one. Its id is what her vote names.
    """

    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, related_name="+")
    comparison = models.ForeignKey(Comparison, on_delete=models.DO_NOTHING, null=True, related_name="+")
    gold = models.ForeignKey(Gold, on_delete=models.DO_NOTHING, null=True, related_name="+")
    anchor = models.ForeignKey(Face, on_delete=models.DO_NOTHING, related_name="+")
    left = models.ForeignKey(Face, on_delete=models.DO_NOTHING, related_name="+")
    right = models.ForeignKey(Face, on_delete=models.DO_NOTHING, related_name="+")

    class Meta:
        managed = False
