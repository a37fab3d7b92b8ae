"""People in Django's admin: make accounts, set roles and passwords, deactivate."""

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.utils import timezone

from annotate.accounts.models import Role, User
from annotate.accounts.people import PeopleRefused, change_role, deactivate, reactivate

# The role alone says what somebody may do; Django's groups would say nothing here.
admin.site.unregister(Group)
admin.site.site_header = admin.site.site_title = "Semblance"


class UserCreation(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("username", "role")


class UserChange(UserChangeForm):
    class Meta:
        model = User
        fields = ("username", "email", "password", "role", "is_active")


@admin.register(User)
class PersonAdmin(UserAdmin):
    form = UserChange
    add_form = UserCreation
    list_display = ("username", "role", "is_active", "date_joined", "last_login")
    list_filter = ("role", "is_active")
    search_fields = ("username",)
    ordering = ("username",)
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "email", "password")}),
        ("What they may do", {"fields": ("role", "is_active")}),
        ("When", {"fields": ("date_joined", "last_login")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "role", "usable_password", "password1", "password2")}),)
    readonly_fields = ("date_joined", "last_login")

    def get_readonly_fields(self, request, obj=None):
        """An admin can not take the admin's role from herself, and so lock everybody out by one slip."""
        own = ("role", "is_active") if obj is not None and obj.pk == request.user.pk else ()
        return (*super().get_readonly_fields(request, obj), *own)

    def save_model(self, request, obj, form, change):
        """Role and activity change as they do on the pages of people: guarded, and with what follows."""
        if not change or not {"role", "is_active"} & set(form.changed_data):
            super().save_model(request, obj, form, change)
            return
        obj.save(update_fields=["username", "email"])
        by, at = request.user, timezone.now()
        try:
            if "role" in form.changed_data:
                change_role(obj.pk, Role(obj.role), by=by, at=at)
            if "is_active" in form.changed_data:
                reactivate(obj.pk) if obj.is_active else deactivate(obj.pk, by=by, at=at)
        except PeopleRefused as refusal:
            messages.error(request, str(refusal))

    def has_delete_permission(self, request, obj=None):
        """Votes name who gave them: people are deactivated, never deleted."""
        return False
