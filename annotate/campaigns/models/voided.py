"""What is left of answers whose faces were erased: their number, for the annotator's pay."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotate.campaigns.models.campaign import Campaign


class VoidedAnswers(models.Model):
    """How many answers an annotator gave on one day that went with the groups and gold of an erased person.

    They say nothing any more, but she gave them: her own work includes them, counted as
    my_work.py counts it.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="voided")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    day = models.DateField()
    answers = models.PositiveIntegerField()
    taken_back = models.PositiveIntegerField()
    milliseconds = models.PositiveBigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign", "annotator", "day"], name="voided_answers_once"),
            models.CheckConstraint(
                condition=Q(answers__gt=0, taken_back__lte=models.F("answers")), name="voided_answers_some"
            ),
        ]
