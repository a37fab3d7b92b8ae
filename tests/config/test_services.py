"""The embedded services, with real processes that share them, are killed, and kill them."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis

from config.embedded import ServiceError, socket_folder
from config.services import EmbeddedServices
from tests.config.users import User, eventually, leftovers, servers

pytestmark = pytest.mark.timeout(300)
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="shows what root's case needs, and this is not root")


@pytest.fixture
def state(kept_state):
    """A state folder that nobody uses; a test must leave it so."""
    yield kept_state
    services = EmbeddedServices(kept_state)
    assert services.stop_if_unused(), "a user of the services is left"
    assert leftovers(kept_state) == []


@pytest.fixture
def user(request):
    """Makes users of a state folder, and ends those that a failing test leaves."""

    def make(state_dir: Path, **more: str) -> User:
        made = User(state_dir, **more)
        request.addfinalizer(lambda: made.process.poll() is None and made.kill())
        return made

    return make


def ask(state: Path, *statements: str) -> list[tuple]:
    """Run SQL on the embedded database; the rows of the last statement."""
    with closing(psycopg2.connect(EmbeddedServices(state).postgresql.url)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def client(state: Path) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(EmbeddedServices(state).redis.socket))


def test_the_first_user_starts_them_and_the_last_one_stops_them(state, user):
    first = user(state).ready()
    started = servers(state)
    assert set(started) == {"postgres", "redis"}
    second = user(state).ready()
    assert servers(state) == started

    first.leave()
    assert servers(state) == started
    assert ask(state, "SELECT 1") == [(1,)]
    second.leave()
    assert leftovers(state) == []


def test_vectors_and_names_in_every_language_work(state, user):
    user(state).ready()
    ask(state, "CREATE EXTENSION IF NOT EXISTS vector")
    assert ask(state, "SELECT '[3,4]'::vector <-> '[0,0]'") == [(5.0,)]
    assert ask(state, "SELECT upper('é'), 'Z' < 'a'") == [("É", True)]


def test_data_outlive_a_stop(state, user):
    first = user(state).ready()
    ask(state, "DROP TABLE IF EXISTS kept", "CREATE TABLE kept AS SELECT 42 AS answer")
    client(state).set("kept", "43")
    first.leave()
    user(state).ready()
    assert ask(state, "SELECT answer FROM kept") == [(42,)]
    assert client(state).get("kept") == b"43"


def test_when_the_last_user_is_killed_the_next_one_takes_over_and_stops_them(state, user):
    first = user(state).ready()
    started = servers(state)
    first.kill()
    assert servers(state) == started

    second = user(state).ready()
    assert servers(state) == started
    second.leave()
    assert leftovers(state) == []


def test_a_killed_redis_comes_back_with_its_data(state, user):
    one = user(state).ready()
    client(state).set("before", "the kill")
    killed = servers(state)["redis"]
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: "redis" not in servers(state))
    one.do("services.revive()")
    assert servers(state)["redis"] != killed
    assert client(state).get("before") == b"the kill"


def test_a_killed_postgresql_comes_back_with_its_data_while_its_backends_still_work(state, user):
    one = user(state).ready()
    ask(state, "DROP TABLE IF EXISTS before", "CREATE TABLE before AS SELECT 'the kill' AS what")
    busy = psycopg2.connect(EmbeddedServices(state).postgresql.url, async_=1)
    eventually(lambda: busy.poll() == psycopg2.extensions.POLL_OK)
    # It looks for its dead parent only now and then, and holds the server's memory until it does.
    busy.cursor().execute("SELECT count(*) FROM generate_series(1, 2000000000)")
    killed = servers(state)["postgres"]
    os.kill(killed, signal.SIGKILL)
    one.do("services.revive()")
    assert servers(state)["postgres"] != killed
    assert ask(state, "SELECT what FROM before") == [("the kill",)]


def test_a_killed_postgresql_that_nobody_reaps_comes_back(state, user):
    # As in a container without an init: its parent, here the user, never asks how it ended.
    adopt = "import ctypes; ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)"
    one = user(state, first=adopt).ready()
    killed = psutil.Process(servers(state)["postgres"])
    assert killed.ppid() == one.process.pid
    killed.kill()
    eventually(lambda: killed.status() == psutil.STATUS_ZOMBIE)
    one.do("services.revive()")
    assert ask(state, "SELECT 1") == [(1,)]


def test_processes_that_start_at_the_same_moment_start_one_of_each(place, user):
    state = place / "state"
    together = [user(state) for _ in range(5)]
    for one in together:
        one.ready()
    assert set(servers(state)) == {"postgres", "redis"}
    for one in together:
        one.process.stdin.close()
    for one in together:
        assert one.process.wait(60) == 0
    assert leftovers(state) == []


def test_users_that_come_and_go_never_find_them_stopped(state, user):
    for _ in range(3):
        leaving = user(state).ready()
        leaving.process.stdin.close()
        coming = user(state).ready()
        assert ask(state, "SELECT 1") == [(1,)]
        assert client(state).ping()
        leaving.process.wait(60)
        coming.leave()


@pytest.mark.parametrize("name", ["a" * 120, "with a space, a comma and an é"])
def test_a_state_folder_with_a_long_or_an_odd_path_works(place, user, name):
    state = place / name
    one = user(state, TMPDIR="/var/tmp").ready()
    # Found by a process whose temporary files go elsewhere, too.
    other = user(state, TMPDIR="/tmp").ready()
    assert ask(state, "SELECT 1") == [(1,)]
    assert client(state).ping()
    one.leave()
    other.leave()
    assert leftovers(state) == []
    assert not EmbeddedServices(state).sockets.exists()


def test_sockets_are_not_put_into_a_folder_that_somebody_else_made(place, user):
    state = place / ("a" * 120)
    theirs = socket_folder(state / "services")
    theirs.mkdir()
    theirs.chmod(0o777)
    try:
        with pytest.raises(ServiceError, match="another user"):
            EmbeddedServices(state).acquire()
    finally:
        theirs.rmdir()


def test_ctrl_c_in_the_terminal_does_not_reach_them(state, user):
    one = user(state, first="signal.signal(signal.SIGINT, signal.SIG_IGN)").ready()
    started = servers(state)
    os.killpg(one.process.pid, signal.SIGINT)
    one.do("services.revive()")
    assert servers(state) == started


def test_stale_files_are_no_obstacle(state, user):
    user(state).ready().leave()
    services = EmbeddedServices(state)
    # The machine lost its power: files are left, and the numbers in them belong to others by now.
    for path in (services.postgresql.sockets / ".s.PGSQL.5432", services.redis.socket):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    stranger = f"{os.getpid()}\n{services.postgresql.data}\n1\n5432\n{services.sockets}\n\n  1 1\nready\n"
    (services.postgresql.data / "postmaster.pid").write_text(stranger)
    (services.postgresql.data / ".s.PGSQL.5432.lock").write_text(stranger)
    (services.redis.data / "pid").write_text(f"{os.getpid()}\n")
    user(state).ready()
    assert ask(state, "SELECT 1") == [(1,)]
    assert client(state).ping()


def test_a_database_that_was_set_up_half_is_set_up_again(place, user):
    state = place / "state"
    half = EmbeddedServices(state).postgresql.data.with_name("postgresql.new")
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    one = user(state).ready()
    assert ask(state, "SELECT 1") == [(1,)]
    one.leave()


def test_a_database_that_can_not_start_is_said_at_once_with_its_reason(place, user):
    state = place / "state"
    user(state).ready().leave()
    with (state / "services" / "postgresql" / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    services = EmbeddedServices(state)
    try:
        with pytest.raises(ServiceError, match=r"PostgreSQL did not start.*postgresql.conf.*see .*/log"):
            services.acquire()
    finally:
        services.release()
    assert leftovers(state) == []


def test_a_forked_child_does_not_stop_what_its_parent_uses(state, user):
    one = user(state).ready()
    # It ends as a program does that forgets os._exit: everything registered at exit runs.
    one.do("os.waitpid(os.fork() or (services.release(), os._exit(0)), 0)")
    assert set(servers(state)) == {"postgres", "redis"}


def test_a_user_of_redis_alone_starts_no_postgresql(state, user):
    one = user(state, first="EmbeddedServices.__init__.__kwdefaults__.update(postgresql=False)").ready()
    assert set(servers(state)) == {"redis"}
    both = user(state).ready()
    both.leave()
    assert "redis" in servers(state)
    one.leave()
    assert leftovers(state) == []


def test_settings_for_other_databases_do_not_lead_astray(state, user):
    other = {"PGPORT": "6000", "PGHOST": "elsewhere", "PGDATA": "/nowhere", "PGUSER": "nobody"}
    user(state, **other).ready()
    assert ask(state, "SELECT 1") == [(1,)]
