"""The Django application of this room."""

from django.apps import AppConfig


class FacesConfig(AppConfig):
    name = "annotate.faces"
