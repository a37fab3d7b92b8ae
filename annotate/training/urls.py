"""Addresses of this room."""

from django.urls import path

from annotate.training import (
    growing_views,
    launch_views,
    manipulator_api,
    notice_views,
    proposal_views,
    snapshot_views,
    validation_views,
    version_api,
    version_file_views,
    version_views,
    watching_views,
)

urlpatterns = [
    path("snapshots/", snapshot_views.snapshot_list, name="snapshot-list"),
    path("snapshots/live/", snapshot_views.snapshot_live, name="snapshot-live"),
    path(
        "campaigns/<int:campaign_id>/snapshots/", snapshot_views.campaign_snapshots, name="campaign-snapshots"
    ),
    path(
        "campaigns/<int:campaign_id>/proposals/",
        proposal_views.campaign_proposals,
        name="campaign-proposals",
    ),
    path("campaigns/<int:campaign_id>/proposals/ask/", proposal_views.propose, name="campaign-propose"),
    path(
        "campaigns/<int:campaign_id>/proposals/preview/",
        proposal_views.preview,
        name="campaign-proposals-preview",
    ),
    path(
        "campaigns/<int:campaign_id>/proposals/sources/",
        proposal_views.sources,
        name="campaign-proposals-sources",
    ),
    path(
        "campaigns/<int:campaign_id>/fine-tuning/",
        growing_views.campaign_fine_tuning,
        name="campaign-fine-tuning",
    ),
    path(
        "campaigns/<int:campaign_id>/fine-tuning/live/",
        growing_views.campaign_fine_tuning_live,
        name="campaign-fine-tuning-live",
    ),
    path("snapshots/<int:snapshot_id>/<str:name>", snapshot_views.snapshot_file, name="snapshot-file"),
    path(
        "snapshots/<int:snapshot_id>/validation/",
        validation_views.snapshot_validation,
        name="snapshot-validation",
    ),
    path("versions/", version_views.version_list, name="version-list"),
    path("versions/roll-back/", version_views.version_roll_back, name="version-roll-back"),
    path("versions/<int:version_id>/", version_views.version_detail, name="version-detail"),
    path("versions/<int:version_id>/card/", version_file_views.version_card, name="version-card"),
    path("versions/<int:version_id>/card.md", version_file_views.version_card_file, name="version-card-file"),
    path("versions/<int:version_id>/download", version_file_views.version_download, name="version-download"),
    path("api/versions", version_api.Versions.as_view(), name="api-versions"),
    path("api/manipulators", manipulator_api.Manipulators.as_view(), name="api-manipulators"),
    path("versions/<int:version_id>/live/", version_views.version_live, name="version-live"),
    path("versions/<int:version_id>/embed/", version_views.version_embed, name="version-embed"),
    path("versions/<int:version_id>/measure/", version_views.version_measure, name="version-measure"),
    path("versions/<int:version_id>/promote/", version_views.version_promote, name="version-promote"),
    path("runs/", watching_views.run_list, name="run-list"),
    path("runs/new/", launch_views.run_create, name="run-create"),
    path("runs/new/forecast/", launch_views.run_forecast, name="run-forecast"),
    path("runs/new/network/", launch_views.run_network, name="run-network"),
    path("runs/new/manipulation/", launch_views.run_create_manipulation, name="run-create-manipulation"),
    path(
        "runs/new/manipulation/forecast/",
        launch_views.run_forecast_manipulation,
        name="run-forecast-manipulation",
    ),
    path("runs/compare/", watching_views.run_compare, name="run-compare"),
    path("runs/notices/", notice_views.run_notices, name="run-notices"),
    path("runs/seen/", notice_views.runs_seen, name="runs-seen"),
    path("runs/<int:run_id>/", watching_views.run_detail, name="run-detail"),
    path("runs/<int:run_id>/live/", watching_views.run_live, name="run-live"),
    path("runs/<int:run_id>/points.csv", watching_views.run_points, name="run-points"),
    path("runs/<int:run_id>/seen/", notice_views.run_seen, name="run-seen"),
    path("runs/<int:run_id>/cancel/", launch_views.run_cancel, name="run-cancel"),
    path("runs/<int:run_id>/resume/", launch_views.run_resume, name="run-resume"),
]
