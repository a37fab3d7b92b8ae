"""Addresses of this room."""

from django.urls import path

from annotate.campaigns import api

urlpatterns = [
    path("api/campaigns/<int:campaign_id>/leases", api.Leases.as_view(), name="api-leases"),
    path("api/votes", api.Votes.as_view(), name="api-votes"),
]
