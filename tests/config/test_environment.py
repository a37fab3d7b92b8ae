"""Readers of the environment: a bad value ends every command with one line that says what to write."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage

from config import environment
from config.environment import BASE_DIR, BadVariable
from config.settings import STORAGES
from tests.config.users import bare_environment


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("DATABASE_URL", "sqlite:///db", "DATABASE_URL must start with postgresql://"),
        ("REDIS_URL", "http://here", "REDIS_URL must start with redis://"),
        ("DEBUG", "perhaps", "DEBUG is 'perhaps', which is neither true nor false. For example: DEBUG=false"),
        (
            "SECRET_KEY",
            "hunter2",
            "SECRET_KEY has 7 characters, fewer than 32. For example: SECRET_KEY=$(",
        ),
        ("LOG_LEVEL", "loud", "LOG_LEVEL is 'loud', which is none of DEBUG, INFO, WARNING"),
        ("TIME_ZONE", "Mars/Olympus", "TIME_ZONE is 'Mars/Olympus', which is no time zone"),
        ("CELERY_VISIBILITY_SECONDS", "-1", "CELERY_VISIBILITY_SECONDS is '-1', which is not a whole number"),
        ("SEMBLANCE_STATE_DIR", "/dev/null/x", "SEMBLANCE_STATE_DIR is /dev/null/x, which can not be used"),
        ("FACES_DIR", "/dev/null/x", "FACES_DIR is /dev/null/x, which can not be made as a folder"),
    ],
)
def test_a_command_ends_with_one_line(tmp_path, name, value, says):
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=BASE_DIR, env=bare_environment(**{"SEMBLANCE_STATE_DIR": str(tmp_path), name: value}),
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode != 0
    assert done.stderr.startswith(says)
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert f"For example: {name}=" in done.stderr
    # Whatever was given as a secret stays one.
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://user:hunter2@host:port/db", "is no URL"),
        ("postgresql://user:hunter2@host:5432", "names no database"),
        ("postgresql://user:hunter2@host:5432/", "names no database"),
        ("user:hunter2@host", "must start with postgresql://"),
        ("postgresql://[::1/db", "is no URL"),
    ],
)
def test_a_bad_address_of_a_database_is_named_without_its_password(monkeypatch, url, says):
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(BadVariable, match=says) as caught:
        environment.database_url()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL", "SEMBLANCE_STATE_DIR", "DEBUG"])
def test_what_is_set_to_nothing_is_not_set(monkeypatch, name):
    monkeypatch.setenv(name, "")
    assert environment.text(name, "the default") == "the default"
    assert environment.flag("DEBUG", True) or name != "DEBUG"


@pytest.mark.parametrize("value", ["1", "true", "True", "YES", "on"])
def test_yes(monkeypatch, value):
    monkeypatch.setenv("DEBUG", value)
    assert environment.flag("DEBUG", False) is True


def test_words(monkeypatch):
    monkeypatch.setenv("ALLOWED_HOSTS", " faces.example.org, localhost,,")
    assert environment.words("ALLOWED_HOSTS", []) == ["faces.example.org", "localhost"]


def test_the_secret_key_is_made_once_however_many_ask_at_the_same_moment(monkeypatch, tmp_path):
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.setenv("SEMBLANCE_STATE_DIR", str(tmp_path))
    keys: list[str] = []
    threads = [threading.Thread(target=lambda: keys.append(environment.secret_key())) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 20
    assert len(set(keys)) == 1
    assert len(keys[0]) >= 32
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_a_folder_of_ones_own_is_for_its_owner_and_a_named_one_stays_as_it_is(monkeypatch, tmp_path):
    monkeypatch.setenv("SEMBLANCE_STATE_DIR", str(tmp_path))
    (tmp_path / "runs").mkdir(mode=0o755)
    assert environment.private_folder("RUNS_DIR", "runs").stat().st_mode & 0o777 == 0o700

    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o750)
    monkeypatch.setenv("RUNS_DIR", str(shared))
    assert environment.private_folder("RUNS_DIR", "runs").stat().st_mode & 0o777 == 0o750
    monkeypatch.setenv("RUNS_DIR", str(shared / "new"))
    assert environment.private_folder("RUNS_DIR", "runs").stat().st_mode & 0o777 == 0o700


def test_stored_faces_are_for_their_owner_alone(tmp_path):
    storage = FileSystemStorage(**{**STORAGES["default"]["OPTIONS"], "location": str(tmp_path / "faces")})
    name = storage.save("some/new/folder/face.jpg", ContentFile(b"a face"))
    path = Path(storage.path(name))
    assert path.stat().st_mode & 0o777 == 0o600
    for folder in (tmp_path / "faces", tmp_path / "faces" / "some", path.parent):
        assert folder.stat().st_mode & 0o777 == 0o700
