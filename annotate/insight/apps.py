"""The Django application of this room."""

from django.apps import AppConfig


class InsightConfig(AppConfig):
    name = "annotate.insight"
