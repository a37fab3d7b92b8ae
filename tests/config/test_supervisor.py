"""The supervisor and the real processes that it keeps: they die, it restarts them; it ends, they all end."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import sys

import pytest

from config import parts
from config.environment import BASE_DIR
from config.services import EmbeddedServices
from tests.config.supervised import Supervised, held_port, processes
from tests.config.users import bare_environment, eventually, leftovers, servers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def running(kept_state):
    """One supervisor for the tests that leave it running, started while its first port is taken."""
    with held_port() as held:
        supervisor = Supervised(kept_state, "--port", str(held))
        try:
            assert supervisor.port != held
            yield supervisor
        finally:
            supervisor.end(signal.SIGTERM)
            assert_nothing_left(kept_state)


def assert_nothing_left(state):
    assert processes(state) == {}
    assert leftovers(state) == []
    for name in ("supervisor.lock", "services/users.lock", "services/mutex.lock"):
        with (state / name).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def manage(state, *arguments):
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR, env=bare_environment(SEMBLANCE_STATE_DIR=str(state)), capture_output=True, text=True,
    )  # fmt: skip


def test_it_says_where_it_is_and_answers_there_though_its_port_was_taken(running):
    assert running.page("/login/") == 200
    shown = running.says(r"logs are in (\S+)\)")[1]
    assert (BASE_DIR / shown / "web.log").exists()
    running.says("manage.py createsuperuser")
    assert set(processes(running.state_dir)) >= set(parts.COMMANDS)


def test_commands_beside_it_use_its_services_and_do_not_stop_them(running):
    before = servers(running.state_dir)
    done = manage(running.state_dir, "greet")
    assert done.returncode == 0, done.stderr
    assert "createsuperuser" in done.stdout
    assert servers(running.state_dir) == before


def test_a_second_one_on_the_same_state_folder_says_so(running):
    second = Supervised(running.state_dir)
    assert second.process.wait(60) != 0
    second.says(rf"it is running already on {running.state_dir}")
    assert running.page("/login/") == 200


@pytest.mark.parametrize("name", parts.COMMANDS)
def test_a_killed_part_is_restarted(running, name):
    killed = processes(running.state_dir)[name][0]
    children = killed.children()
    killed.kill()
    running.says(rf"{name} ended \(status -9; see .*/{name}\.log\), starting it again")
    eventually(lambda: processes(running.state_dir).get(name, [killed])[0].pid != killed.pid)
    # The orphans of a killed master end by themselves.
    eventually(lambda: not any(child.is_running() for child in children))
    assert running.page("/login/") == 200


def test_killed_services_are_restarted(running):
    killed = servers(running.state_dir)
    for pid in killed.values():
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: len(set(servers(running.state_dir).items()) - set(killed.items())) == 2)
    done = manage(running.state_dir, "greet")
    assert done.returncode == 0, done.stderr
    eventually(lambda: running.page("/login/") == 200)


def test_ctrl_c_leaves_nothing_and_a_second_start_works(place):
    state = place / "state"
    first = Supervised(state)
    # While it still starts, too.
    first.says("Starting PostgreSQL")
    eventually(lambda: servers(state))
    assert first.end(signal.SIGINT) == 0
    assert first.said.endswith("Stopped.\n")
    assert "Traceback" not in first.said
    assert_nothing_left(state)

    second = Supervised(state)
    assert second.page("/login/") == 200
    assert second.end(signal.SIGINT) == 0
    assert second.said.endswith("Stopped.\n")
    assert "Traceback" not in second.said
    assert_nothing_left(state)

    # Killed, it leaves its parts without anybody who would restart or stop them. The next one ends them.
    third = Supervised(state)
    assert third.page("/login/") == 200
    os.kill(third.process.pid, signal.SIGKILL)
    third.process.wait()
    orphans = {process.pid for found in processes(state).values() for process in found}
    assert orphans
    fourth = Supervised(state)
    fourth.says("Ended what an earlier run had left behind")
    assert fourth.page("/login/") == 200
    assert not orphans & {process.pid for found in processes(state).values() for process in found}
    assert fourth.end(signal.SIGTERM) == 0
    assert_nothing_left(state)


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"DATABASE_URL": "mysql://here/db"}, r"DATABASE_URL must start with postgresql://"),
        (
            {"DATABASE_URL": "postgresql://127.0.0.1:1/nothing", "REDIS_URL": ""},
            r"The database does not answer \(.*refused.*\)\. Check DATABASE_URL\.",
        ),
        pytest.param(
            {"REDIS_URL": "redis://127.0.0.1:1"},
            r"The Redis that REDIS_URL names does not answer: .*refused",
            marks=pytest.mark.long,
        ),
        ({"SEMBLANCE_STATE_DIR": "/dev/null/state"}, r"SEMBLANCE_STATE_DIR is /dev/null/state"),
        pytest.param({"SECRET_KEY": "short"}, r"SECRET_KEY has 5 characters", marks=pytest.mark.long),
        pytest.param({"DEBUG": "perhaps"}, r"DEBUG is 'perhaps'", marks=pytest.mark.long),
    ],
)
def test_what_keeps_it_from_starting_is_said_plainly(place, variables, complaint):
    state = place / "state"
    done = subprocess.run(
        [sys.executable, "-m", "config.supervisor"],
        cwd=BASE_DIR, env=bare_environment(**{"SEMBLANCE_STATE_DIR": str(state), **variables}),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode != 0
    said = [line for line in done.stdout.splitlines() if line and not line.startswith("Starting ")]
    assert len(said) == 1, done.stdout
    assert re.search(complaint, said[0]), done.stdout
    assert EmbeddedServices(state).stop_if_unused()
    assert leftovers(state) == []
