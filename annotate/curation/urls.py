"""Addresses of this room."""

from django.urls import path

from annotate.curation import erasure_views, face_views, wall_views

urlpatterns = [
    path("data/<str:name>/faces/", wall_views.dataset_wall, name="dataset-wall"),
    path("faces/<int:face_id>/", face_views.face_detail, name="face-detail"),
    path("faces/<int:face_id>/in/<slug:section>/", face_views.face_section, name="face-section"),
    path("erasure/", erasure_views.erasure_list, name="erasure-list"),
    path("erasure/new/", erasure_views.erasure_new, name="erasure-new"),
    path("erasure/<int:erasure_id>/", erasure_views.erasure_detail, name="erasure-detail"),
    path("erasure/<int:erasure_id>/live/", erasure_views.erasure_live, name="erasure-live"),
]
