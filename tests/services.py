"""A pytest plugin, loaded before Django's settings: gives each test session services of its own.

With DATABASE_URL and REDIS_URL set, those are used instead.
"""

import os
import shutil
from pathlib import Path

import psutil

from config import environment
from config.services import EmbeddedServices, use_services

STARTED_HERE = "SEMBLANCE_TEST_SERVICES"
STATE_DIRS = environment.BASE_DIR / "var"
STATE_DIR = STATE_DIRS / f"test-{os.getpid()}"

os.environ["SEMBLANCE_STATE_DIR"] = str(STATE_DIR)
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"


def _remove(state_dir: Path) -> None:
    """End what a killed test session left running. What still has users is left alone."""
    if EmbeddedServices(state_dir).stop_if_unused():
        shutil.rmtree(state_dir, ignore_errors=True)


def _sweep() -> None:
    for state_dir in STATE_DIRS.glob("test-*"):
        if not psutil.pid_exists(int(state_dir.name.removeprefix("test-"))):
            _remove(state_dir)


# With xdist, each worker process inherits the environment of the one that started it, but not its services.
for name in os.environ.pop(STARTED_HERE, "").split():
    del os.environ[name]
_sweep()
given = set(os.environ)
_handle = use_services()
os.environ[STARTED_HERE] = " ".join({"DATABASE_URL", "REDIS_URL"} - given)


def pytest_unconfigure() -> None:
    if _handle is not None:
        _handle.release()
    shutil.rmtree(STATE_DIR, ignore_errors=True)
