"""Addresses of this room."""

from django.urls import path

from annotate.curation import face_views, wall_views

urlpatterns = [
    path("data/<str:name>/faces/", wall_views.dataset_wall, name="dataset-wall"),
    path("faces/<int:face_id>/", face_views.face_detail, name="face-detail"),
    path("faces/<int:face_id>/in/<slug:section>/", face_views.face_section, name="face-section"),
]
