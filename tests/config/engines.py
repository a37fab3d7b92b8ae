"""A PostgreSQL and a Redis as a container gives them: reached by a URL over TCP, with a password."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg2
import redis

from config.embedded_postgresql import ordinary_user, programs, run_as
from config.embedded_redis import redis_server


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def postgresql(folder: Path, password: str) -> Iterator[int]:
    """A server with the user and the database that docker-compose.yml names. Yields its port."""
    user, port, data = ordinary_user(), free_port(), folder / "postgresql"
    data.mkdir(mode=0o700)
    secret = data.with_name("password")
    secret.write_text(password)
    for path in (data, secret):
        shutil.chown(path, user.pw_uid, user.pw_gid)
    if os.geteuid() == 0:
        for parent in data.parents:
            parent.chmod(parent.stat().st_mode | 0o001)

    def run(program: str, *arguments: str) -> None:
        done = run_as([str(programs() / program), *arguments, "-D", str(data)], user)
        assert done.returncode == 0, done.stdout

    run("initdb", "-U", "semblance", "--auth=scram-sha-256", f"--pwfile={secret}", "--locale=C", "-E", "UTF8")
    listen = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
    run("pg_ctl", "start", "-w", "-l", str(data / "log"), "-o", listen)
    try:
        url = f"postgresql://semblance:{password}@127.0.0.1:{port}/postgres"
        with closing(psycopg2.connect(url)) as connection:
            connection.autocommit = True
            connection.cursor().execute("CREATE DATABASE semblance")
        yield port
    finally:
        run("pg_ctl", "stop", "-m", "immediate")


@contextmanager
def redis_on_tcp(folder: Path) -> Iterator[int]:
    """A server that keeps its data in the folder. Yields its port."""
    port = free_port()
    command = [redis_server(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                with suppress(redis.RedisError):
                    redis.Redis(port=port).ping()
                    break
                time.sleep(0.05)
            yield port
        finally:
            process.kill()
