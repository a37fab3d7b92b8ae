"""The Django application of this room."""

from django.apps import AppConfig


class TrainingConfig(AppConfig):
    name = "annotate.training"
