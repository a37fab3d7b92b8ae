"""Fixtures that every room's tests share: settings of a test's own, and three actors."""

from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.utils import translation

from annotate.accounts.models import Role, User
from tests.bucket import on_machine, s3, shared_bucket  # noqa: F401 (fixtures)


def pytest_collection_modifyitems(items):
    """Files that hold a slow test first: begun last, one of them would keep the other workers waiting."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def static_root():
    """WhiteNoise complains where it is missing."""
    Path(django_settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)


@pytest.fixture(autouse=True)
def storages(settings, tmp_path):
    """Faces in a folder of the test's own; pages served as they stand, without collectstatic's names."""
    settings.STORAGES = {
        "default": {
            **settings.STORAGES["default"],
            "OPTIONS": {"location": str(tmp_path / "faces"), "base_url": None},
        },
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    # The real one takes half a second for each account.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def english():
    """A request in another language leaves it to the process's next test."""
    translation.activate("en")


@pytest.fixture
def annotator(db):
    return User.objects.create_user("ann", "a-password-for-ann", role=Role.ANNOTATOR)


@pytest.fixture
def curator(db):
    return User.objects.create_user("cleo", "a-password-for-cleo", role=Role.CURATOR)


@pytest.fixture
def admin(db):
    return User.objects.create_user("ada", "a-password-for-ada", role=Role.ADMIN)
