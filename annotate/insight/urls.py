"""Addresses of this room."""

from django.urls import path

from annotate.insight import (
    manipulation_views,
    manipulator_views,
    map_views,
    query_api,
    query_views,
    report_api,
    report_views,
    retrieval_api,
    retrieval_views,
    selection_views,
    views,
)

urlpatterns = [
    path("explore/manipulators/", manipulator_views.manipulator_list, name="manipulator-list"),
    path(
        "explore/manipulators/<int:manipulator_id>/",
        manipulator_views.manipulator_detail,
        name="manipulator-detail",
    ),
    path(
        "explore/manipulators/<int:manipulator_id>/grid/",
        manipulator_views.manipulator_grid,
        name="manipulator-grid",
    ),
    path(
        "explore/manipulators/<int:manipulator_id>/try/",
        manipulation_views.manipulator_try,
        name="manipulator-try",
    ),
    path(
        "explore/manipulation-grids/<int:grid_id>/live/",
        manipulator_views.manipulation_grid_live,
        name="manipulation-grid-live",
    ),
    path(
        "explore/manipulation-grids/<int:grid_id>/delete/",
        manipulator_views.manipulation_grid_delete,
        name="manipulation-grid-delete",
    ),
    path(
        "explore/manipulation-grids/<int:grid_id>/<slug:which>.png",
        manipulator_views.manipulation_grid_picture,
        name="manipulation-grid-picture",
    ),
    path(
        "explore/manipulations/<int:manipulation_id>/",
        manipulation_views.manipulation_detail,
        name="manipulation-detail",
    ),
    path(
        "explore/manipulations/<int:manipulation_id>/live/",
        manipulation_views.manipulation_live,
        name="manipulation-live",
    ),
    path(
        "explore/manipulations/<int:manipulation_id>/<slug:which>.png",
        manipulation_views.manipulation_picture,
        name="manipulation-picture",
    ),
    path("explore/", views.explore, name="explore"),
    path("explore/alike/", query_views.query_list, name="query-list"),
    path("explore/queries/<uuid:token>/", query_views.query_detail, name="query-detail"),
    path("explore/queries/<uuid:token>/<int:place>.jpg", query_views.query_crop, name="query-crop"),
    path("explore/queries/<uuid:token>/delete/", query_views.query_delete, name="query-delete"),
    path(
        "explore/queries/<uuid:token>/<int:place>/embed/<int:version_id>/",
        query_views.query_embed,
        name="query-embed",
    ),
    path("explore/alike/<int:face_id>/", retrieval_views.query_face, name="query-face"),
    path("api/faces/<int:face_id>/neighbours", retrieval_api.FaceNeighbours.as_view(), name="api-neighbours"),
    path(
        "api/queries/<uuid:token>/neighbours",
        retrieval_api.QueryNeighbours.as_view(),
        name="api-query-neighbours",
    ),
    path("api/queries", query_api.Queries.as_view(), name="api-queries"),
    path("api/queries/<uuid:token>", query_api.Query.as_view(), name="api-query"),
    path("maps/", map_views.map_list, name="map-list"),
    path("maps/<int:map_id>/", map_views.map_detail, name="map-detail"),
    path("maps/<int:map_id>/live/", map_views.map_live, name="map-live"),
    path("maps/<int:map_id>/again/", map_views.map_again, name="map-again"),
    path("maps/<int:map_id>/remove/", map_views.map_remove, name="map-remove"),
    path("maps/<int:map_id>/points/", map_views.map_points, name="map-points"),
    path("maps/<int:map_id>/disagreement/", map_views.map_disagreement, name="map-disagreement"),
    path("selections/", selection_views.selection_create, name="selection-create"),
    path("selections/<int:selection_id>/", selection_views.selection_detail, name="selection-detail"),
    path("selections/<int:selection_id>/remove/", selection_views.selection_remove, name="selection-remove"),
    path(
        "selections/<int:selection_id>/campaign/<str:name>/",
        selection_views.selection_campaign,
        name="selection-campaign",
    ),
    path("reports/", report_views.report_list, name="report-list"),
    path("reports/forecast/", report_views.report_forecast, name="report-forecast"),
    path("reports/<int:report_id>/", report_views.report_detail, name="report-detail"),
    path("reports/<int:report_id>/report.md", report_views.report_file, name="report-file"),
    path(
        "api/versions/<int:version_id>/reports",
        report_api.VersionReports.as_view(),
        name="api-version-reports",
    ),
    path("api/reports/<int:report_id>", report_api.OneReport.as_view(), name="api-report"),
]
