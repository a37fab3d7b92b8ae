"""Several processes make the same crops, in order, as one; and one that dies is no silent loss."""

import os
import signal

import pytest

from annotate.faces import crop_pool
from annotate.faces.crop_pool import make_crops
from annotate.faces.crops import Job
from annotate.faces.problems import ImportFailed
from tests.faces.conftest import picture

WHOLE = (0.0, 1.0, 0.0, 1.0)


@pytest.fixture
def jobs(tmp_path):
    paths = [picture(tmp_path / f"{number}.png", colour=(number, 0, 90)) for number in range(70)]
    return [Job(number, str(path), WHOLE) for number, path in enumerate([*paths, tmp_path / "missing.png"])]


def test_processes_give_what_one_gives(jobs):
    alone = list(make_crops(jobs, count=len(jobs), workers=1))
    assert list(make_crops(iter(jobs), count=len(jobs), workers=2)) == alone
    assert [crop.face for crop in alone] == list(range(71))
    assert alone[-1].reason == "the picture is missing"


def test_few_pictures_need_no_processes(jobs, monkeypatch):
    monkeypatch.setattr(crop_pool, "ProcessPoolExecutor", None)
    assert len(list(make_crops(jobs[:20], count=20, workers=8))) == 20


def test_a_dead_worker_ends_the_import(jobs, monkeypatch):
    monkeypatch.setattr(crop_pool, "_make_chunk", die)
    with pytest.raises(ImportFailed, match="died"):
        list(make_crops(jobs, count=len(jobs), workers=2))


def die(chunk):
    os.kill(os.getpid(), signal.SIGKILL)
