"""Fixtures that every room's tests share: three actors, and faces to work with."""

import pytest

from annotate.accounts.models import Role, User


@pytest.fixture
def annotator(db):
    return User.objects.create_user("ann", "a-password-for-ann", role=Role.ANNOTATOR)


@pytest.fixture
def curator(db):
    return User.objects.create_user("cleo", "a-password-for-cleo", role=Role.CURATOR)


@pytest.fixture
def admin(db):
    return User.objects.create_user("ada", "a-password-for-ada", role=Role.ADMIN)
