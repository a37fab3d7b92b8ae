"""Tables of data sets, faces and the triplets that came with them."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

dataset_name = RegexValidator(
    r"^(?!user$)[A-Za-z0-9][A-Za-z0-9._-]*$",
    "A data set's name is letters, digits, dots, dashes and underscores, begins with a letter or digit, "
    "and is not the word 'user'.",
)


class Split(models.TextChoices):
    TRAIN = "train", "train"
    VAL = "val", "val"


class Kind(models.TextChoices):
    """How many expression classes the three faces of a triplet show (FEC's own names)."""

    ONE_CLASS = "ONE_CLASS_TRIPLET", "one class"
    TWO_CLASS = "TWO_CLASS_TRIPLET", "two classes"
    THREE_CLASS = "THREE_CLASS_TRIPLET", "three classes"


class Strength(models.TextChoices):
    """How far the raters agree: at least 2/3, at least 1/2 with no other image as often named, or less."""

    STRONG = "strong", "strong"
    WEAK = "weak", "weak"
    NONE = "none", "no majority"


class DatasetQuerySet(models.QuerySet["Dataset"]):
    def with_counts(self) -> DatasetQuerySet:
        """Adds `face_count`, `identity_count`, `expression_count`, `strong_count` and `weak_count`."""

        def count(rows: QuerySet, counted: str = "pk") -> Coalesce:
            of_one = rows.filter(dataset=OuterRef("pk")).order_by().values("dataset")
            return Coalesce(
                Subquery(of_one.annotate(n=Count(counted, distinct=counted != "pk")).values("n")), 0
            )

        return self.annotate(
            face_count=count(Face.objects.all()),
            identity_count=count(Face.objects.exclude(identity=""), "identity"),
            expression_count=count(Face.objects.exclude(expression=""), "expression"),
            strong_count=count(ImportedTriplet.objects.filter(strength=Strength.STRONG)),
            weak_count=count(ImportedTriplet.objects.filter(strength=Strength.WEAK)),
        )


class Dataset(models.Model):
    name = models.CharField(max_length=100, unique=True, validators=[dataset_name])
    created_at = models.DateTimeField(auto_now_add=True)

    objects = DatasetQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            # Annotators are named `user:id` or `<dataset>:id`: a data set of that name would collide.
            models.CheckConstraint(
                condition=~Q(name="user") & Q(name__regex=r"^[A-Za-z0-9][A-Za-z0-9._-]*$"),
                name="dataset_name_plain",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class FaceQuerySet(models.QuerySet["Face"]):
    def like(self, *, split: str = "", expression: str = "", identity: str = "") -> FaceQuerySet:
        """Those with these labels; an empty one leaves open what it is."""
        wanted = {"split": split, "expression": expression, "identity": identity}
        return self.filter(**{name: value for name, value in wanted.items() if value})

    def after(self, face_id: int) -> FaceQuerySet:
        """Those that follow a face in the order of import."""
        return self.filter(pk__gt=face_id).order_by("pk")

    def count_by_expression(self) -> QuerySet:
        """Rows of `expression`, `train` and `val`: how many faces of each split show it."""
        counts = {split: Count("pk", filter=Q(split=split)) for split in Split.values}
        return self.order_by("expression").values("expression").annotate(**counts)


class Face(models.Model):
    """One image of one face. The picture itself is the aligned 224 px crop in storage, and nothing else."""

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="faces")
    key = models.CharField(max_length=400, unique=True, help_text="dataset:name, its name in every file")
    image = models.CharField(max_length=300, help_text="The image's file name as imported")
    url = models.TextField(blank=True, help_text="Where the image came from (FEC)")
    box = ArrayField(
        models.FloatField(), size=4, null=True, help_text="left, right, top, bottom as fractions (FEC)"
    )
    crop = models.CharField(max_length=300, unique=True, help_text="The aligned crop's name in storage")
    crop_sha256 = models.CharField(max_length=64)
    split = models.CharField(max_length=5, choices=Split.choices, default=Split.TRAIN)
    identity = models.CharField(max_length=200, blank=True)
    expression = models.CharField(max_length=100, blank=True)
    known_expression = ArrayField(
        models.FloatField(), null=True, help_text="Ground truth e0, e1, ...; simulations alone read it"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = FaceQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(split__in=Split.values), name="face_split_known"),
        ]
        indexes: ClassVar = [models.Index(fields=["dataset", "split", "expression", "identity"])]

    def __str__(self) -> str:
        return self.key


class ImportedTripletQuerySet(models.QuerySet["ImportedTriplet"]):
    def count_by_strength(self) -> QuerySet:
        """Rows of `split`, `strong`, `weak` and `none`: how many of its triplets are of each strength."""
        counts = {strength: Count("pk", filter=Q(strength=strength)) for strength in Strength.values}
        return self.order_by("split").values("split").annotate(**counts)


class ImportedTriplet(models.Model):
    """Three faces and which of them each rater set apart (1, 2 or 3; 0 is uncertain).

    `odd`, `strength` and the votes repeat what `answers` says, so that drawing groups and exporting
    need not unpack half a million arrays.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="imported_triplets")
    face_1 = models.ForeignKey(Face, on_delete=models.PROTECT, related_name="+")
    face_2 = models.ForeignKey(Face, on_delete=models.PROTECT, related_name="+")
    face_3 = models.ForeignKey(Face, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind.choices, blank=True)
    split = models.CharField(max_length=5, choices=Split.choices)
    raters = ArrayField(models.CharField(max_length=100))
    answers = ArrayField(models.SmallIntegerField())
    odd = models.SmallIntegerField(null=True, help_text="The majority's answer, if there is one")
    strength = models.CharField(max_length=6, choices=Strength.choices)
    votes_for = models.SmallIntegerField()
    votes_against = models.SmallIntegerField()

    objects = ImportedTripletQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["dataset", "face_1", "face_2", "face_3"], name="imported_triplet_once"
            ),
            models.CheckConstraint(
                condition=~Q(face_1=F("face_2")) & ~Q(face_1=F("face_3")) & ~Q(face_2=F("face_3")),
                name="imported_triplet_three_faces",
            ),
            models.CheckConstraint(
                condition=Q(answers__contained_by=[0, 1, 2, 3]), name="imported_triplet_answers_known"
            ),
            models.CheckConstraint(
                condition=Q(odd__in=[1, 2, 3], strength__in=[Strength.STRONG, Strength.WEAK])
                | Q(odd__isnull=True, strength=Strength.NONE),
                name="imported_triplet_odd_iff_majority",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["dataset", "strength", "split"])]
