"""Addresses of this room."""

from django.urls import path

from annotate.insight import query_api, query_views, views

urlpatterns = [
    path("explore/", views.explore, name="explore"),
    path("explore/alike/", query_views.query_list, name="query-list"),
    path("explore/queries/<uuid:token>/", query_views.query_detail, name="query-detail"),
    path("explore/queries/<uuid:token>/<int:place>.jpg", query_views.query_crop, name="query-crop"),
    path("explore/queries/<uuid:token>/delete/", query_views.query_delete, name="query-delete"),
    path("api/queries", query_api.Queries.as_view(), name="api-queries"),
    path("api/queries/<uuid:token>", query_api.Query.as_view(), name="api-query"),
]
