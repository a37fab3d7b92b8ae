"""The Django application of this room."""

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "annotate.campaigns"
