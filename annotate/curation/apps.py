"""The Django application of this room."""

from django.apps import AppConfig


class CurationConfig(AppConfig):
    name = "annotate.curation"
