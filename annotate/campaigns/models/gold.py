"""Comparisons whose answer is known."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from annotate.campaigns.models.campaign import Campaign
from annotate.faces.models import Face, ImportedTriplet


class Purpose(models.TextChoices):
    """What a gold comparison is for. One alone, so that nobody is checked by what she has learnt from."""

    EXAMPLE = "example", "example"
    PRACTICE = "practice", "practice"
    QUALIFICATION = "qualification", "qualification"
    HIDDEN = "hidden", "hidden check"
    ASIDE = "aside", "set aside"


class Gold(models.Model):
    """A comparison whose answer is known. In no bracket.

    A hidden one is mixed in to see how careful an annotator is; an example stands in the instructions; with
    the others she practises or shows that she has understood.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="gold")
    purpose = models.CharField(max_length=13, choices=Purpose.choices, default=Purpose.HIDDEN)
    anchor = models.ForeignKey(Face, on_delete=models.PROTECT, related_name="+")
    nearer = models.ForeignKey(Face, on_delete=models.PROTECT, related_name="+")
    farther = models.ForeignKey(Face, on_delete=models.PROTECT, related_name="+")
    why = models.CharField(max_length=300, blank=True, help_text="A sentence for whoever learns from it")
    imported_triplet = models.ForeignKey(
        ImportedTriplet, on_delete=models.PROTECT, null=True, related_name="+"
    )
    marked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+",
        help_text="Who knows the answer, where it does not come from an imported triplet",
    )  # fmt: skip

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign", "anchor", "nearer", "farther"], name="gold_once"),
            models.CheckConstraint(
                condition=~Q(anchor=F("nearer")) & ~Q(anchor=F("farther")) & ~Q(nearer=F("farther")),
                name="gold_three_faces",
            ),
            models.CheckConstraint(condition=Q(purpose__in=Purpose.values), name="gold_purpose_known"),
        ]
        indexes: ClassVar = [models.Index(fields=["campaign", "purpose", "id"], name="gold_by_purpose")]
