"""Real web workers on the test's database, and logged in clients of theirs, for tests over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection

from annotate.accounts.models import User
from config import parts
from config.environment import BASE_DIR

CSRF = "c" * 32


class WebServer:
    """gunicorn as an installation runs it, on a socket of its own that outlives it: while it is started
    again, clients wait in line."""

    def __init__(self, log: Path, **environment: str) -> None:
        database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
        self._environment = {**os.environ, "DATABASE_URL": database.geturl(), **environment}
        self._log = log
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._process: subprocess.Popen[bytes] | None = None
        self.address: tuple[str, int] = self._listener.getsockname()

    def __enter__(self) -> WebServer:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()
        self._listener.close()

    def start(self) -> None:
        number = self._listener.fileno()
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *parts.GUNICORN, "--bind", f"fd://{number}"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                cwd=BASE_DIR, env=self._environment, pass_fds=[number],
            )  # fmt: skip

    def kill_worker(self) -> None:
        """Kill one worker in whatever it is doing; gunicorn itself starts another."""
        workers = psutil.Process(self._process.pid).children()
        if workers:
            with suppress(psutil.Error):
                workers[0].kill()

    def kill(self) -> None:
        """Kill all of it at once."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def said(self) -> str:
        """The end of its log."""
        return self._log.read_text()[-4000:] if self._log.exists() else ""


class Lost(Exception):
    """The connection ended before the answer came: nobody knows whether the request was acted upon."""


class WebClient:
    """A browser in which somebody is logged in. It keeps its connection from request to request."""

    def __init__(self, address: tuple[str, int], session: str) -> None:
        self.address, self.session = address, session
        self._connection = http.client.HTTPConnection(*address, timeout=60)
        self._headers = {
            "Content-Type": "application/json",
            "Cookie": f"sessionid={session}; csrftoken={CSRF}",
            "X-CSRFToken": CSRF,
        }

    def post(self, path: str, data: object) -> tuple[int, dict]:
        """The answer's status and content. Raises Lost."""
        try:
            self._connection.request("POST", path, json.dumps(data).encode(), self._headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Lost(str(error)) from error
        is_json = answer.getheader("Content-Type", "").startswith("application/json")
        return answer.status, json.loads(content) if is_json else {"page": content[:300].decode()}

    def abort(self, path: str, data: object, *, seconds: float) -> None:
        """Send a request and hang up so soon after, without waiting for the answer."""
        with suppress(OSError, http.client.HTTPException):
            self._connection.request("POST", path, json.dumps(data).encode(), self._headers)
            time.sleep(seconds)
        self.close()

    def twin(self) -> WebClient:
        """The same browser's other connection."""
        return WebClient(self.address, self.session)

    def close(self) -> None:
        self._connection.close()


def logged_in(user: User) -> str:
    """The key of a session of theirs, as a login makes it."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return session.session_key
