"""Django admin of this room: to look at, since services alone write here."""

from django.contrib import admin

from annotate.campaigns.models import Bracket, Campaign, Comparison, Group, Vote


class ReadOnly(admin.ModelAdmin):
    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(Campaign)
class CampaignAdmin(ReadOnly):
    list_display = ("name", "dataset", "k", "repetitions", "is_active", "created_at")


@admin.register(Group)
class GroupAdmin(ReadOnly):
    list_display = ("campaign", "index", "anchor", "split")
    list_filter = ("campaign",)
    list_select_related = ("campaign", "anchor")


@admin.register(Bracket)
class BracketAdmin(ReadOnly):
    list_display = ("group", "repetition", "finished_at")
    list_select_related = ("group__campaign",)


@admin.register(Comparison)
class ComparisonAdmin(ReadOnly):
    list_display = ("id", "campaign", "group", "round", "position", "winner", "is_tie")
    list_filter = ("campaign", "is_tie")
    list_select_related = ("campaign", "group__campaign")
    show_full_result_count = False


@admin.register(Vote)
class VoteAdmin(ReadOnly):
    list_display = ("id", "annotator", "answer", "response_ms", "created_at")
    list_filter = ("answer",)
    list_select_related = ("annotator",)
    show_full_result_count = False
