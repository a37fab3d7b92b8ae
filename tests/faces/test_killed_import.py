"""An import that is killed or stopped by Ctrl-C while it crops: no row, no process and no lock is left."""

import os
import random
import signal
import subprocess
import sys
import time
from urllib.parse import quote

import psutil
import pytest
from django.db import connection
from PIL import Image

from annotate.faces.models import Dataset, Face, ImportedTriplet
from config.environment import BASE_DIR
from tests.faces.conftest import fec_row, picture, write_csv

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
SECONDS = 120
FACES = 240


@pytest.fixture
def command(tmp_path):
    """The command line of an import that takes some seconds, and its environment."""
    rng = random.Random(1)
    noise = bytes(rng.randrange(256) for _ in range(3 * 500 * 500))
    first = picture(tmp_path / "images" / "0.png", size=(500, 500))
    Image.frombytes("RGB", (500, 500), noise).save(first)
    for number in range(1, FACES):
        (tmp_path / "images" / f"{number}.png").hardlink_to(first)
    rows = [fec_row(*(f"{face}.png" for face in range(at, at + 3))) for at in range(0, FACES, 3)]
    file = write_csv(tmp_path / "triplets.csv", rows)
    environment = os.environ | {
        "DATABASE_URL": url_of(connection.settings_dict), "FACES_DIR": str(tmp_path / "storage")
    }  # fmt: skip
    arguments = ["import_fec", file, "--dataset", "set", "--images", tmp_path / "images", "--workers", "2"]
    return [sys.executable, str(BASE_DIR / "manage.py"), *map(str, arguments)], environment


def url_of(database):
    """The test database, for another process; its host may be a folder of sockets."""
    host = database["HOST"] or database["OPTIONS"].get("host", "")
    who = ":".join(quote(part, safe="") for part in (database["USER"], database["PASSWORD"]) if part)
    return f"postgresql://{who}@{quote(host, safe='')}:{database['PORT'] or 5432}/{database['NAME']}"


def crops_in(folder):
    return sum(1 for path in folder.rglob("*.jpg"))


def started(command, storage):
    """The running import, once it has stored some crops, and its worker processes."""
    line, environment = command
    process = subprocess.Popen(line, env=environment, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + SECONDS
    while crops_in(storage) < 20:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process, psutil.Process(process.pid).children(recursive=True)


def check_nothing_is_left(workers):
    _, alive = psutil.wait_procs(workers, timeout=SECONDS)
    assert not [worker for worker in alive if worker.status() != psutil.STATUS_ZOMBIE]
    assert not Dataset.objects.exists()
    assert not Face.objects.exists()


@pytest.mark.parametrize("sent", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.long)])
def test_what_is_broken_off_can_be_run_again(command, storage, sent):
    process, workers = started(command, storage)
    assert len(workers) >= 2
    process.send_signal(sent)
    _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == (-signal.SIGKILL if sent == signal.SIGKILL else 130)
    assert "Traceback" not in said
    check_nothing_is_left(workers)
    line, environment = command
    subprocess.run(line, env=environment, check=True, capture_output=True, timeout=SECONDS)
    assert (Face.objects.count(), ImportedTriplet.objects.count()) == (FACES, FACES // 3)
    assert crops_in(storage) == FACES
