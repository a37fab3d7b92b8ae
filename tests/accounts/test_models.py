"""A user's role alone says what she may do."""

import pytest
from django.db import IntegrityError

from annotate.accounts.models import User


def test_the_role_decides(annotator, curator, admin):
    assert [user.is_curator for user in (annotator, curator, admin)] == [False, True, True]
    assert [user.is_admin for user in (annotator, curator, admin)] == [False, False, True]


def test_a_deactivated_admin_may_nothing(admin):
    admin.is_active = False
    assert not admin.is_admin
    assert not admin.has_perm("faces.view_face")


def test_the_database_knows_the_roles(db):
    with pytest.raises(IntegrityError):
        User.objects.create(username="x", role="owner")
