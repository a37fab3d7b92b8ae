"""Addresses of this room."""

from django.urls import path

from annotate.faces import import_views, views

urlpatterns = [
    path("data/", views.dataset_list, name="dataset-list"),
    path("data/<str:name>/", views.dataset_detail, name="dataset-detail"),
    path("imports/new/", import_views.import_create, name="import-create"),
    path("imports/<int:import_id>/", import_views.import_detail, name="import-detail"),
    path("imports/<int:import_id>/live/", import_views.import_live, name="import-live"),
    path("imports/<int:import_id>/cancel/", import_views.import_cancel, name="import-cancel"),
    path("imports/<int:import_id>/rejects.csv", import_views.import_rejects, name="import-rejects"),
    path("faces/<int:face_id>/crop.jpg", views.face_crop, name="face-crop"),
]
