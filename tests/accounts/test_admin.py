"""People in Django's admin: for admins only, and nobody is deleted."""

import pytest
from django.urls import reverse

from annotate.accounts.models import Role, User

pytestmark = pytest.mark.django_db

PEOPLE = "admin:accounts_user_changelist"
ADD = "admin:accounts_user_add"


@pytest.fixture
def as_admin(client, admin):
    client.force_login(admin)
    return client


@pytest.mark.parametrize("who", ["stranger", "annotator", "curator"])
@pytest.mark.parametrize("page", ["admin:index", PEOPLE, ADD])
def test_only_admins_get_in(client, annotator, curator, who, page):
    if who != "stranger":
        client.force_login({"annotator": annotator, "curator": curator}[who])
    response = client.get(reverse(page))
    assert response.status_code == 302
    assert response.url.startswith(reverse("admin:login"))


def test_an_admin_finds_people_by_role(as_admin, annotator, curator):
    page = as_admin.get(reverse(PEOPLE), {"role": Role.CURATOR}).content.decode()
    assert "cleo" in page
    assert f"/{annotator.pk}/change/" not in page


def test_an_admin_makes_an_account(as_admin):
    response = as_admin.post(
        reverse(ADD),
        {
            "username": "new", "role": Role.CURATOR, "usable_password": "true",
            "password1": "a-good-long-one", "password2": "a-good-long-one",
        },
    )  # fmt: skip
    assert response.status_code == 302
    new = User.objects.get(username="new")
    assert new.role == Role.CURATOR
    assert new.check_password("a-good-long-one")


def test_an_admin_changes_a_role_and_deactivates(as_admin, annotator):
    page = reverse("admin:accounts_user_change", args=[annotator.pk])
    as_admin.post(page, {"username": "ann", "role": Role.CURATOR})
    annotator.refresh_from_db()
    assert annotator.role == Role.CURATOR
    assert not annotator.is_active


def test_an_admin_sets_a_forgotten_password(as_admin, annotator):
    page = reverse("admin:auth_user_password_change", args=[annotator.pk])
    new = {"password1": "another-good-one", "password2": "another-good-one", "usable_password": "true"}
    as_admin.post(page, new)
    annotator.refresh_from_db()
    assert annotator.check_password("another-good-one")


def test_an_admin_can_not_lock_herself_out(as_admin, admin):
    page = reverse("admin:accounts_user_change", args=[admin.pk])
    as_admin.post(page, {"username": "ada", "role": Role.ANNOTATOR})
    admin.refresh_from_db()
    assert admin.is_admin


def test_nobody_is_deleted(as_admin, annotator):
    assert as_admin.post(reverse("admin:accounts_user_delete", args=[annotator.pk])).status_code == 403
    as_admin.post(
        reverse(PEOPLE), {"action": "delete_selected", "_selected_action": annotator.pk, "post": "yes"}
    )
    assert User.objects.filter(pk=annotator.pk).exists()
