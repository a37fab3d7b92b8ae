"""Tables of blind studies: queries, what each contender found for them, which participants preferred."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from annotate.accounts.models import Role, User
from annotate.campaigns.models import Answer
from annotate.faces.models import Dataset, Face
from annotate.training.models import ModelVersion
from annotate.training.models.jobs import Job, JobQuerySet

MOST_RESULTS = 10


class StudyState(models.TextChoices):
    PREPARING = "preparing", "being prepared"
    OPEN = "open", "open"
    CLOSED = "closed", "closed"
    FAILED = "failed", "failed"


class StudyQuerySet(JobQuerySet):
    def open(self) -> StudyQuerySet:
        """Those that ask just now."""
        return self.done().filter(closed_at=None)

    def asking(self, user: User) -> StudyQuerySet:
        """The open ones that she may answer: only annotators take part, as the others may see the figures."""
        if user.role != Role.ANNOTATOR or not user.is_active:
            return self.none()
        hers = Participant.objects.filter(study=OuterRef("pk"), user=user)
        chosen = Q(Exists(hers.filter(may_answer=True)))
        return self.open().filter(chosen | Q(for_everybody=True) & ~Exists(hers))


class Study(Job):
    """Which of several model versions finds faces whose expression is more like a query's? Asked blindly.

    As a job, it is to be prepared: its lists are found and frozen. Once that is done it is open.
    """

    name = models.CharField(max_length=100, unique=True)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="+")
    top_n = models.PositiveSmallIntegerField(help_text="Results in a list")
    others_only = models.BooleanField(help_text="Whether other pictures of the query's person are left out")
    pairs_per_query = models.PositiveSmallIntegerField(
        null=True, help_text="Of contenders; empty: all of them"
    )
    seed = models.BigIntegerField(help_text="Draws queries, the order of contenders, and their pairs")
    instructions = models.TextField(blank=True, help_text="Markdown, for the participants")
    for_everybody = models.BooleanField(help_text="Whether every annotator may take part")
    closed_at = models.DateTimeField(null=True)

    objects = StudyQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(top_n__range=(1, MOST_RESULTS)), name="study_top_n"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> StudyState:
        if self.ended_at is None:
            return StudyState.PREPARING
        if self.error:
            return StudyState.FAILED
        return StudyState.OPEN if self.closed_at is None else StudyState.CLOSED

    @property
    def is_open(self) -> bool:
        return self.state == StudyState.OPEN


class Contender(models.Model):
    """A model version in a study. Its place, and so its letter, is drawn."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="contenders")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+")
    place = models.PositiveSmallIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["study", "model_version"], name="contender_once"),
            models.UniqueConstraint(fields=["study", "place"], name="contender_place_once"),
        ]

    def __str__(self) -> str:
        return f"{self.letter}: {self.model_version}"

    @property
    def letter(self) -> str:
        return chr(ord("A") + self.place)


class StudyQuery(models.Model):
    """A face whose like was looked for. Without a face it is void: the person was erased."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="queries")
    number = models.PositiveSmallIntegerField(help_text="From 1")
    face = models.ForeignKey(Face, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["study", "number"], name="study_query_number_once"),
        ]

    def __str__(self) -> str:
        return f"query {self.number} of {self.study}"


class Result(models.Model):
    """A face that a contender found for a query, frozen. Without a face its list is void: it was erased."""

    query = models.ForeignKey(StudyQuery, on_delete=models.CASCADE, related_name="results", db_index=False)
    contender = models.ForeignKey(Contender, on_delete=models.CASCADE, related_name="results")
    rank = models.PositiveSmallIntegerField(help_text="From 1, the nearest")
    face = models.ForeignKey(Face, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["query", "contender", "rank"], name="study_result_rank_once"),
        ]

    def __str__(self) -> str:
        return f"result {self.rank} of {self.contender} for {self.query}"


class StudyComparisonQuerySet(models.QuerySet["StudyComparison"]):
    def with_void(self) -> StudyComparisonQuerySet:
        """Adds `is_void`: the query, or a face of one of its two lists, was erased."""
        gone = Result.objects.filter(query=OuterRef("query"), face=None)
        shown = Q(contender=OuterRef("one")) | Q(contender=OuterRef("other"))
        return self.annotate(is_void=Q(query__face=None) | Exists(gone.filter(shown)))

    def asked(self) -> StudyComparisonQuerySet:
        """Those that participants are asked: both lists whole, and not of the same faces."""
        return self.with_void().filter(is_void=False, is_tie=False)


class StudyComparison(models.Model):
    """The lists of two contenders for a query. Of the same faces they are a tie, which nobody is asked."""

    query = models.ForeignKey(
        StudyQuery, on_delete=models.CASCADE, related_name="comparisons", db_index=False
    )
    one = models.ForeignKey(Contender, on_delete=models.CASCADE, related_name="+")
    other = models.ForeignKey(Contender, on_delete=models.CASCADE, related_name="+")
    is_tie = models.BooleanField()

    objects = StudyComparisonQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["query", "one", "other"], name="study_comparison_once"),
            models.CheckConstraint(condition=Q(one__lt=F("other")), name="study_comparison_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.one} and {self.other} for {self.query}"


class Participant(models.Model):
    """Somebody who answers a study's comparisons, or may."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="participants", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    may_answer = models.BooleanField(default=True)
    began_at = models.DateTimeField(null=True, help_text="When her showings were drawn")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["study", "user"], name="participant_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.study}"


class StudyShowing(models.Model):
    """A comparison as one participant sees it. Ids follow her order, so that they tell nothing."""

    participant = models.ForeignKey(
        Participant, on_delete=models.CASCADE, related_name="showings", db_index=False
    )
    comparison = models.ForeignKey(StudyComparison, on_delete=models.CASCADE, related_name="showings")
    place = models.PositiveIntegerField(help_text="In her order, drawn")
    one_is_left = models.BooleanField(help_text="Left, or above where the lists are rows")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["participant", "comparison"], name="study_showing_once"),
            models.UniqueConstraint(fields=["participant", "place"], name="study_showing_place_once"),
        ]

    def __str__(self) -> str:
        return f"{self.comparison} to {self.participant}"


class StudyVoteQuerySet(models.QuerySet["StudyVote"]):
    def live(self) -> StudyVoteQuerySet:
        """Those that were not taken back."""
        return self.filter(retracted_at=None)

    def counted(self) -> StudyVoteQuerySet:
        """The live ones on comparisons that are not void."""
        standing = StudyComparison.objects.asked().filter(pk=OuterRef("showing__comparison"))
        return self.live().filter(Exists(standing))


class StudyVote(models.Model):
    """A participant's answer. Never deleted; taken back, it is marked."""

    id = models.UUIDField(primary_key=True, help_text="Made by the client: the same vote twice counts once")
    showing = models.ForeignKey(StudyShowing, on_delete=models.CASCADE, related_name="votes")
    answer = models.CharField(max_length=9, choices=Answer.choices)
    response_ms = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField()
    retracted_at = models.DateTimeField(null=True)

    objects = StudyVoteQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            # A showing is one participant's on one comparison.
            models.UniqueConstraint(
                fields=["showing"], condition=Q(retracted_at=None), name="study_vote_once"
            ),
            models.CheckConstraint(condition=Q(answer__in=Answer.values), name="study_vote_answer_known"),
        ]

    def __str__(self) -> str:
        return f"{self.answer} on {self.showing}"
