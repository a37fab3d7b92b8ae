"""Takes away, in mid-run, what a whole installation stands on: the training, its worker, Redis, the disk.

Real processes all through: the supervisor with PostgreSQL, Redis, web server, workers and beat, and the real
network on the CPU. Each run must end as one version with the very weights of a run that nothing disturbed.
"""

import os
import re
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress

import psutil
import psycopg2
import pytest
import redis
import requests

from config.environment import BASE_DIR
from config.services import EmbeddedServices
from model.checkpoint import load_checkpoint
from tests.config.conftest import new_place
from tests.config.supervised import Supervised, processes
from tests.config.users import bare_environment, eventually, servers
from tests.training.drawn import PASSWORD
from tests.training.onlooker import Onlooker, training, weights

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
EPOCHS = 40
# A run of so many epochs, alone on two busy cores.
RUN_SECONDS = 240


class Installation:
    """A supervisor on a state folder of its own, with an admin and a snapshot."""

    def __init__(self, state):
        self.state = state
        self.supervisor = Supervised(state, "--port", "8600")
        self.web = f"http://127.0.0.1:{self.supervisor.port}"
        self.services = EmbeddedServices(state)
        self.snapshot = self.do("make")
        self.session = requests.Session()
        self._sign_in()
        self.redis = redis.Redis(unix_socket_path=str(self.services.redis.socket))

    def do(self, *words):
        """One of drawn.py's commands, in a process of this installation."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.training.drawn", *map(str, words)],
            cwd=BASE_DIR, env=self.environment(), capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return int(done.stdout.split()[-1])

    def environment(self, **more):
        return bare_environment(
            SEMBLANCE_STATE_DIR=str(self.state), DJANGO_SETTINGS_MODULE="config.settings", **more
        )

    def _sign_in(self):
        page = self.session.get(f"{self.web}/login/", timeout=60)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[1]
        given = {"username": "ada", "password": PASSWORD, "csrfmiddlewaretoken": token}
        signed_in = self.session.post(f"{self.web}/login/", given, timeout=60)
        assert "ada" in signed_in.text

    @contextmanager
    def watched(self, epochs=EPOCHS):
        """A new run, looked at until the block ends; then all that was shown of it must have been true."""
        run = self.do("queue", self.snapshot, epochs)
        page = f"{self.web}/runs/{run}/live/"
        with Onlooker(self.services.postgresql.url, page, self.session, run) as seen:
            seen.run = run
            yield seen
            seen.look()
        assert seen.lies == []
        assert seen.pages > 3

    def folder(self, run):
        [folder] = (self.state / "runs").glob(f"run-{run}-*")
        return folder

    def sql(self, statement):
        with psycopg2.connect(self.services.postgresql.url) as connection, connection.cursor() as cursor:
            cursor.execute(statement)


@pytest.fixture(scope="module")
def house():
    installation = Installation(new_place() / "state")
    try:
        yield installation
    finally:
        installation.supervisor.end(signal.SIGTERM)


@pytest.fixture(scope="module")
def undisturbed(house):
    """The weights that every run here must end with."""
    with house.watched() as seen:
        seen.wait_for(lambda seen: seen.state == "succeeded", RUN_SECONDS)
    assert seen.states in (["queued", "running", "succeeded"], ["running", "succeeded"])
    assert seen.losses == 0
    found = weights(house.folder(seen.run))
    assert len(found) == 2
    return found


def in_the_middle(seen):
    """Wait until it has trained some epochs, and has some before it."""
    reached = max(seen.epochs, default=0)
    seen.wait_for(lambda seen: max(seen.epochs, default=0) > reached + 2 and training(seen.run), 120)
    assert max(seen.epochs) < EPOCHS - 5, "too late to take anything away"


def ends_well(house, seen, undisturbed, losses):
    seen.wait_for(lambda seen: seen.state in ("succeeded", "failed"), RUN_SECONDS)
    assert (seen.state, seen.error, seen.losses, seen.versions) == ("succeeded", "", losses, 1)
    assert seen.epochs[-1] == EPOCHS
    assert weights(house.folder(seen.run)) == undisturbed
    assert training(seen.run) == []


def test_the_training_is_killed(house, undisturbed):
    with house.watched() as seen:
        in_the_middle(seen)
        [process] = training(seen.run)
        process.kill()
        ends_well(house, seen, undisturbed, losses=1)
    assert seen.states.count("succeeded") == 1


def test_the_worker_is_killed(house, undisturbed):
    with house.watched() as seen:
        in_the_middle(seen)
        [process] = training(seen.run)
        began = time.monotonic()
        processes(house.state)["worker-gpu"][0].kill()
        eventually(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, 10)
        seen.wait_for(lambda seen: seen.losses == 1, 120)
        assert time.monotonic() - began < 60 + 30 + 20, "noticed in a minute, by a beat of half of one"
        ends_well(house, seen, undisturbed, losses=1)


def test_redis_is_killed_and_forgets_all(house, undisturbed):
    with house.watched() as seen:
        in_the_middle(seen)
        waiting = house.do("queue", house.snapshot, 1)
        eventually(lambda: house.redis.llen("gpu") == 1)
        killed = servers(house.state)["redis"]
        house.redis.flushall()
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: servers(house.state).get("redis") not in (None, killed))
        ends_well(house, seen, undisturbed, losses=0)
    # The other run's message is gone with Redis: ten minutes later, of which we wait none, it is sent again.
    eventually(lambda: house.redis.llen("gpu") == 0)
    house.sql(f"UPDATE training_run SET heartbeat_at = heartbeat_at - interval '601 s' WHERE id = {waiting}")
    page = f"{house.web}/runs/{waiting}/live/"
    with Onlooker(house.services.postgresql.url, page, house.session, waiting) as other:
        other.wait_for(lambda other: other.state == "succeeded", 150)
    assert other.lies == []


@contextmanager
def second_worker(house):
    """One more worker of the gpu queue. Yields what reads its log."""
    log = house.state / "log" / "second-worker.log"
    command = ["celery", "-A", "config.celery", "worker", "-Q", "gpu", "-n", "second@%h"]
    with log.open("wb") as out:
        worker = subprocess.Popen(
            [sys.executable, "-m", *command, "--concurrency", "1", "--loglevel", "INFO"],
            cwd=BASE_DIR, stdout=out, stderr=out,
            env=house.environment(REMAP_SIGTERM="SIGQUIT", CELERY_VISIBILITY_SECONDS="2"),
        )  # fmt: skip
    try:
        eventually(lambda: " ready." in log.read_text(), 60)
        yield log.read_text
    finally:
        worker.terminate()
        with suppress(subprocess.TimeoutExpired):
            worker.wait(20)
        worker.kill()
        worker.wait()


def test_its_message_comes_twice(house, undisturbed):
    with house.watched() as seen:
        house.do("send", seen.run)
        in_the_middle(seen)
        # The second one is free, and gets what was sent twice. It also finds that nobody acknowledged the
        # first message for two seconds, and has Redis deliver that again.
        with second_worker(house) as log:
            eventually(lambda: log().count("train_run[") >= 4, 90)  # two received, two succeeded
            assert seen.state == "running"
            ends_well(house, seen, undisturbed, losses=0)
    assert seen.states in (["queued", "running", "succeeded"], ["running", "succeeded"])


def fails_and_leaves_its_checkpoint(house, seen, reason):
    seen.wait_for(lambda seen: seen.state in ("failed", "succeeded"), 120)
    assert seen.state == "failed"
    assert reason in seen.error
    assert len(seen.error) < 500, "a reason, no traceback"
    checkpoint = house.folder(seen.run) / "checkpoint"
    _, _, description = load_checkpoint(checkpoint)
    assert description.epoch >= seen.epochs[-1]
    return checkpoint


def test_the_disk_is_full(house):
    with house.watched(epochs=10_000) as seen:
        in_the_middle_of_many(seen)
        [process] = training(seen.run)
        process.rlimit(resource.RLIMIT_FSIZE, (64 << 10, resource.RLIM_INFINITY))
        checkpoint = fails_and_leaves_its_checkpoint(house, seen, "can not be written: File too large")
        assert not list(checkpoint.glob(".*")), "half a file takes what room there is"


def in_the_middle_of_many(seen):
    seen.wait_for(lambda seen: len(seen.epochs) > 2 and training(seen.run), 120)


@contextmanager
def unwritable(folder):
    """Nobody may write there; of root the file system itself must be told."""
    if os.geteuid():
        folder.chmod(0o500)
        yield
        folder.chmod(0o700)
        return
    if subprocess.run(["chattr", "+i", folder], capture_output=True).returncode:
        pytest.skip("as root, on a file system that knows no immutable folders")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", folder], check=True)


def test_its_checkpoint_can_not_be_written(house):
    with house.watched(epochs=10_000) as seen:
        in_the_middle_of_many(seen)
        with unwritable(house.folder(seen.run) / "checkpoint"):
            fails_and_leaves_its_checkpoint(house, seen, "can not be written: ")
