"""Addresses of this room."""

from django.urls import path

from annotate.campaigns import api, views

urlpatterns = [
    path("campaigns/", views.campaign_list, name="campaign-list"),
    path("campaigns/new/", views.campaign_create, name="campaign-create"),
    path("campaigns/<int:campaign_id>/", views.campaign_detail, name="campaign-detail"),
    path("campaigns/<int:campaign_id>/annotators/", views.campaign_annotators, name="campaign-annotators"),
    path("campaigns/<int:campaign_id>/pause/", views.campaign_pause, name="campaign-pause"),
    path(
        "campaigns/<int:campaign_id>/comparisons/<int:comparison_id>/settle/",
        views.comparison_settle,
        name="comparison-settle",
    ),
    path("campaigns/<int:campaign_id>/triplets.csv", views.campaign_export, name="campaign-export"),
    path("api/campaigns/<int:campaign_id>/leases", api.Leases.as_view(), name="api-leases"),
    path("api/votes", api.Votes.as_view(), name="api-votes"),
    path("api/votes/<uuid:vote_id>/undo", api.Undo.as_view(), name="api-undo"),
]
