"""Tables of data sets, faces and the triplets that came with them."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
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


class Status(models.TextChoices):
    """Whether new groups may be drawn with a face."""

    READY = "ready", "ready"
    SET_ASIDE = "set_aside", "set aside"


class SetAsideReason(models.TextChoices):
    DUPLICATE = "duplicate", "a duplicate of another face"
    BAD_CROP = "bad_crop", "a bad crop"
    BROKEN = "broken", "called broken by annotators"
    OTHER = "other", "another reason"


# What the wall filters by, beside the order's own columns.
FILTERED = ("split", "status", "expression", "identity", "imported_triplets")


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
    def ready(self) -> FaceQuerySet:
        """Those that new groups and snapshots are made of."""
        return self.filter(status=Status.READY)

    def set_aside(self) -> FaceQuerySet:
        return self.filter(status=Status.SET_ASIDE)

    def unmeasured(self) -> FaceQuerySet:
        """Those of which no measures are known: imported before there were any, or their crop is broken."""
        return self.filter(phash__isnull=True)

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
    imported_triplets = models.PositiveIntegerField(
        default=0, db_default=0, help_text="In how many it is; kept by the database (migration 0003)"
    )

    # Importers write rows without Django: the database itself knows the defaults.
    status = models.CharField(
        max_length=9, choices=Status.choices, default=Status.READY, db_default=Status.READY
    )
    set_aside_reason = models.CharField(
        max_length=9, choices=SetAsideReason.choices, blank=True, default="", db_default=""
    )
    set_aside_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    set_aside_at = models.DateTimeField(null=True)

    # Measured on the crop (measures.py): all are known, or none is.
    phash = models.BigIntegerField(
        null=True, help_text="64 bits of the cosine transform; near crops are near"
    )
    dhash = models.BigIntegerField(null=True, help_text="64 bits of brighter or darker than the next pixel")
    sharpness = models.FloatField(null=True, help_text="Variance of the Laplacian of the grey crop")
    brightness = models.FloatField(null=True, help_text="Mean of the grey crop, 0 .. 255")
    contrast = models.FloatField(null=True, help_text="Standard deviation of the grey crop")
    # Known to the import alone.
    detection = models.FloatField(null=True, help_text="How sure the detector was of the face, 0 .. 1")
    source_side = models.FloatField(
        null=True, help_text="The side that the crop had in the picture, in pixels"
    )

    objects = FaceQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(split__in=Split.values), name="face_split_known"),
            models.CheckConstraint(
                condition=Q(status=Status.READY, set_aside_reason="", set_aside_by__isnull=True,
                            set_aside_at__isnull=True)
                | Q(status=Status.SET_ASIDE, set_aside_reason__in=SetAsideReason.values,
                    set_aside_by__isnull=False, set_aside_at__isnull=False),
                name="face_set_aside_says_why",
            ),
            models.CheckConstraint(
                condition=Q(phash__isnull=True, dhash__isnull=True, sharpness__isnull=True,
                            brightness__isnull=True, contrast__isnull=True)
                | Q(phash__isnull=False, dhash__isnull=False, sharpness__isnull=False, sharpness__gte=0,
                    brightness__isnull=False, brightness__range=(0, 255), contrast__isnull=False,
                    contrast__gte=0),
                name="face_measured_wholly",
            ),
            models.CheckConstraint(condition=Q(detection__range=(0, 1)), name="face_detection_share"),
            models.CheckConstraint(condition=Q(source_side__gt=0), name="face_source_side_positive"),
        ]  # fmt: skip
        indexes: ClassVar = [
            models.Index(fields=["dataset", "split", "expression", "identity"]),
            # The wall: in both of its orders, and by what alone leaves few faces. The first two hold all that
            # it filters by, so that the rarest combination still reads no row that is not shown.
            models.Index(fields=["dataset", "id"], include=FILTERED, name="face_by_import"),
            models.Index(
                fields=["dataset", "imported_triplets", "id"], include=FILTERED[:-1], name="face_by_triplets"
            ),
            models.Index(fields=["dataset", "expression", "id"], name="face_by_expression"),
            models.Index(fields=["dataset", "split", "id"], name="face_by_split"),
            models.Index(fields=["dataset", "split", "expression", "id"], name="face_by_split_expression"),
            models.Index(fields=["dataset", "identity"], condition=~Q(identity=""), name="face_of_person"),
            models.Index(
                fields=["dataset", "id"], condition=Q(status=Status.SET_ASIDE), name="face_set_aside"
            ),
            models.Index(fields=["dataset", "id"], condition=Q(phash__isnull=True), name="face_unmeasured"),
            # The worst crops first, by one measure.
            models.Index(fields=["dataset", "sharpness", "id"], name="face_by_sharpness"),
            models.Index(fields=["dataset", "brightness", "id"], name="face_by_brightness"),
            models.Index(fields=["dataset", "contrast", "id"], name="face_by_contrast"),
            models.Index(
                fields=["dataset", "detection", "id"],
                condition=Q(detection__isnull=False), name="face_by_detection",
            ),
            models.Index(
                fields=["dataset", "source_side", "id"],
                condition=Q(source_side__isnull=False), name="face_by_source_side",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.key


class ImportedTripletQuerySet(models.QuerySet["ImportedTriplet"]):
    def ready(self) -> ImportedTripletQuerySet:
        """Those none of whose faces is set aside."""
        aside = Face.objects.set_aside().values("pk")
        return self.exclude(face_1__in=aside).exclude(face_2__in=aside).exclude(face_3__in=aside)

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
