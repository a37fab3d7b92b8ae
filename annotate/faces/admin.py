"""Django admin of this room: to look at, and to correct a face's labels. Imports alone add anything."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html

from annotate.faces.models import Dataset, Face, ImportedTriplet


class Imported(admin.ModelAdmin):
    """What an import made: neither added nor removed here."""

    show_full_result_count = False

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(Dataset)
class DatasetAdmin(Imported):
    list_display = ("name", "created_at")
    # Keys of faces and names of raters begin with the name: it never changes.
    readonly_fields = ("name", "created_at")


@admin.register(Face)
class FaceAdmin(Imported):
    list_display = ("key", "split", "identity", "expression")
    list_filter = ("dataset", "split")
    search_fields = ("=key", "=image", "=identity")
    fields = (
        "picture", "dataset", "key", "image", "url", "box", "split", "identity", "expression",
        "known_expression", "crop", "crop_sha256", "created_at",
    )  # fmt: skip

    def get_readonly_fields(self, request, obj=None):
        return tuple(name for name in self.fields if name not in ("identity", "expression"))

    @admin.display(description="picture")
    def picture(self, face):
        return format_html(
            '<img src="{}" alt="" width="224" height="224">', reverse("face-crop", args=[face.pk])
        )


@admin.register(ImportedTriplet)
class ImportedTripletAdmin(Imported):
    list_display = ("id", "dataset", "split", "kind", "strength", "votes_for", "votes_against")
    list_filter = ("dataset", "split", "strength", "kind")
    list_select_related = ("dataset",)

    def has_change_permission(self, request, obj=None):
        return False
