"""With what a run was trained: the code's version is the commit's only where the code is the commit's."""

import platform
import subprocess

import numpy as np
import pytest
import torch

from model.environment import code_version, environment


def git(folder, *arguments):
    command = ["git", "-C", str(folder), "-c", "user.name=n", "-c", "user.email=e", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "run.py").write_text("x = 1\n")
    return folder


def test_the_commit_where_the_sources_are_its_own(package):
    git(package, "init", "-q")
    git(package, "add", ".")
    git(package, "commit", "-qm", "first")
    commit = git(package, "rev-parse", "--short=12", "HEAD")
    assert code_version(package) == f"commit {commit}"
    (package / "run.py").write_text("x = 2\n")
    changed = code_version(package)
    assert changed.startswith(f"commit {commit}, sources ")
    (package / "run.py").write_text("x = 3\n")
    assert code_version(package) != changed


def test_the_sources_where_there_is_no_repository_or_anothers(package):
    alone = code_version(package)
    assert alone.startswith("sources ")
    git(package.parent, "init", "-q")
    (package.parent / "theirs").touch()
    git(package.parent, "add", "theirs")
    git(package.parent, "commit", "-qm", "theirs")
    assert code_version(package) == alone
    (package / "other.py").touch()
    assert code_version(package) != alone


def test_libraries_and_device():
    found = environment(torch.device("cpu"))
    assert (found["python"], found["torch"]) == (platform.python_version(), torch.__version__)
    assert (found["numpy"], found["device"]) == (np.__version__, "cpu")
    assert found["device_name"]
    assert "cuda" not in found
