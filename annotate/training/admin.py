"""Django admin of this room: to look at, since services alone write here."""

from django.contrib import admin

from annotate.campaigns.admin import ReadOnly
from annotate.training.models import Freeze, ModelVersion, Run, Snapshot


@admin.register(Snapshot)
class SnapshotAdmin(ReadOnly):
    list_display = ("name", "dataset", "campaign", "sha256", "created_at", "created_by")
    list_filter = ("dataset",)
    list_select_related = ("dataset", "campaign", "created_by")


@admin.register(Freeze)
class FreezeAdmin(ReadOnly):
    list_display = ("name", "dataset", "campaign", "created_at", "attempts", "error")
    list_select_related = ("dataset", "campaign")


@admin.register(Run)
class RunAdmin(ReadOnly):
    list_display = ("id", "kind", "snapshot", "state", "worker", "losses", "created_at", "created_by")
    list_filter = ("kind", "state")
    list_select_related = ("snapshot", "created_by")


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnly):
    list_display = ("id", "run", "folder", "created_at")
    list_select_related = ("run",)
