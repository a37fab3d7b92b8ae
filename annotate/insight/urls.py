"""Addresses of this room."""

from django.urls import path

from annotate.insight import views

urlpatterns = [
    path("explore/", views.explore, name="explore"),
]
