"""Addresses of this room."""

from django.urls import path

from annotate.curation import face_views

urlpatterns = [
    path("faces/<int:face_id>/", face_views.face_detail, name="face-detail"),
    path("faces/<int:face_id>/in/<slug:section>/", face_views.face_section, name="face-section"),
]
