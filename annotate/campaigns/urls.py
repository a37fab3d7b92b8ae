"""Addresses of this room."""

from django.urls import include, path

from annotate.campaigns import (
    api,
    consent_views,
    disagreement_views,
    export_api,
    export_views,
    first_minutes_views,
    group_views,
    instructions_views,
    my_views,
    quality_views,
    trials_api,
    views,
)

urlpatterns = [
    path("work/", my_views.my_work, name="my-work"),
    path("work.csv", my_views.my_work_csv, name="my-work-csv"),
    path("consent/", consent_views.consent, name="consent"),
    path("campaigns/", views.campaign_list, name="campaign-list"),
    path("campaigns/new/", views.campaign_create, name="campaign-create"),
    path("campaigns/plan/", views.campaign_plan, name="campaign-plan"),
    path("campaigns/preview/", views.campaign_preview, name="campaign-preview"),
    path("campaigns/<int:campaign_id>/", views.campaign_detail, name="campaign-detail"),
    path(
        "campaigns/<int:campaign_id>/annotators/",
        quality_views.campaign_annotators,
        name="campaign-annotators",
    ),
    path(
        "campaigns/<int:campaign_id>/annotators/table/",
        quality_views.annotator_table,
        name="campaign-annotator-table",
    ),
    path(
        "campaigns/<int:campaign_id>/annotators/<int:annotator_id>/",
        quality_views.campaign_annotator,
        name="campaign-annotator",
    ),
    path(
        "campaigns/<int:campaign_id>/annotators/<int:annotator_id>/pause/",
        quality_views.annotator_pause,
        name="annotator-pause",
    ),
    path(
        "campaigns/<int:campaign_id>/annotators/<int:annotator_id>/discard/",
        quality_views.annotator_discard,
        name="annotator-discard",
    ),
    path(
        "campaigns/<int:campaign_id>/disagreements/",
        disagreement_views.campaign_disagreements,
        name="campaign-disagreements",
    ),
    path("campaigns/<int:campaign_id>/groups/", group_views.campaign_groups, name="campaign-groups"),
    path(
        "campaigns/<int:campaign_id>/groups/<int:index>/", group_views.campaign_group, name="campaign-group"
    ),
    path("campaigns/<int:campaign_id>/edit/", views.campaign_edit, name="campaign-edit"),
    path("campaigns/<int:campaign_id>/figures/", views.campaign_figures, name="campaign-figures"),
    path("campaigns/<int:campaign_id>/pause/", views.campaign_pause, name="campaign-pause"),
    path(
        "campaigns/<int:campaign_id>/comparisons/<int:comparison_id>/settle/",
        disagreement_views.comparison_settle,
        name="comparison-settle",
    ),
    path("campaigns/<int:campaign_id>/instructions/", first_minutes_views.instructions, name="instructions"),
    path("campaigns/<int:campaign_id>/practice/", first_minutes_views.practice, name="practice"),
    path(
        "campaigns/<int:campaign_id>/qualification/", first_minutes_views.qualification, name="qualification"
    ),
    path(
        "campaigns/<int:campaign_id>/first-minutes/",
        include(
            [
                path("", instructions_views.first_minutes, name="campaign-first-minutes"),
                path("preview/", instructions_views.preview, name="campaign-instructions-preview"),
                path("people/", instructions_views.let_somebody_in, name="campaign-let-in"),
                path(
                    "people/<int:annotator_id>/again/",
                    instructions_views.again,
                    name="campaign-qualify-again",
                ),
                path("gold/<int:gold_id>/", instructions_views.gold_change, name="campaign-gold-change"),
                path("<str:purpose>/", instructions_views.gold_section, name="campaign-gold"),
                path("<str:purpose>/take/", instructions_views.gold_take, name="campaign-gold-take"),
                path("<str:purpose>/pick/", instructions_views.gold_pick, name="campaign-gold-pick"),
                path("<str:purpose>/mark/", instructions_views.gold_mark, name="campaign-gold-mark"),
            ]
        ),
    ),
    path("campaigns/<int:campaign_id>/export/", export_views.campaign_export, name="campaign-export"),
    path(
        "campaigns/<int:campaign_id>/export/count/", export_views.export_count, name="campaign-export-count"
    ),
    path(
        "campaigns/<int:campaign_id>/export/file/", export_views.campaign_download, name="campaign-download"
    ),
    path("api/campaigns/<int:campaign_id>/triplets", export_api.TripletsOf.as_view(), name="api-triplets"),
    path("api/campaigns/<int:campaign_id>/leases", api.Leases.as_view(), name="api-leases"),
    path("api/campaigns/<int:campaign_id>/progress", api.ProgressOf.as_view(), name="api-progress"),
    path("api/trials", trials_api.Trials.as_view(), name="api-trials"),
    path("api/votes", api.Votes.as_view(), name="api-votes"),
    path("api/votes/<uuid:vote_id>/undo", api.Undo.as_view(), name="api-undo"),
]
