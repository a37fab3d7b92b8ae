"""Addresses of this room."""

from django.urls import path

from annotate.faces import views

urlpatterns = [
    path("data/", views.dataset_list, name="dataset-list"),
    path("data/<str:name>/", views.dataset_detail, name="dataset-detail"),
    path("faces/<int:face_id>/crop.jpg", views.face_crop, name="face-crop"),
]
