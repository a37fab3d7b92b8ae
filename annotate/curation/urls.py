"""Addresses of this room."""

from django.urls import path

from annotate.curation import erasure_views, face_views, review_views, selection_review_views, wall_views

urlpatterns = [
    path("data/<str:name>/faces/", wall_views.dataset_wall, name="dataset-wall"),
    path("faces/<int:face_id>/", face_views.face_detail, name="face-detail"),
    path("faces/<int:face_id>/in/<slug:section>/", face_views.face_section, name="face-section"),
    path("faces/<int:face_id>/status/", review_views.face_status, name="face-status"),
    path("data/<str:name>/review/", review_views.review, name="review"),
    path("data/<str:name>/review/live/", review_views.review_live, name="review-live"),
    path("data/<str:name>/review/scan/", review_views.review_scan, name="review-scan"),
    path("data/<str:name>/review/undo/", review_views.review_undo, name="review-undo"),
    path("data/<str:name>/review/duplicates/", review_views.review_duplicates, name="review-duplicates"),
    path("data/<str:name>/review/in/<slug:which>/", review_views.review_list, name="review-list"),
    path(
        "data/<str:name>/review/selection/<int:selection_id>/",
        selection_review_views.review_selection,
        name="review-selection",
    ),
    path("erasure/", erasure_views.erasure_list, name="erasure-list"),
    path("erasure/new/", erasure_views.erasure_new, name="erasure-new"),
    path("erasure/<int:erasure_id>/", erasure_views.erasure_detail, name="erasure-detail"),
    path("erasure/<int:erasure_id>/live/", erasure_views.erasure_live, name="erasure-live"),
]
