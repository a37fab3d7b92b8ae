"""The Django application of this room."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "annotate.demo"
