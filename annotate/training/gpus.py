"""Which GPUs this machine's worker may train on, and that no two runs share one: locks on files."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from django.conf import settings

ASK = ["nvidia-smi", "--query-gpu=index,uuid", "--format=csv,noheader"]
ASK_SECONDS = 30

logger = logging.getLogger(__name__)


class AllTaken(Exception):
    """There are GPUs, and other workers of this machine train on each of them."""


@contextmanager
def free_gpus() -> Iterator[list[str]]:
    """Take those that this worker may use and nobody trains on, for as long as this lasts.

    Empty where the machine has none: then one trains on its processor. Raises AllTaken.
    """
    visible = visible_gpus()
    with ExitStack() as locks:
        free = [gpu for gpu in visible if _take(gpu, locks)]
        if visible and not free:
            raise AllTaken
        yield free


def visible_gpus() -> list[str]:
    """The UUIDs of those that CUDA_VISIBLE_DEVICES lets this worker see; of all where it is not set."""
    known = _installed()
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return list(known.values())
    named = []
    for word in (word.strip() for word in chosen.split(",")):
        if not word or word == "-1":  # as CUDA reads it: nothing after this counts
            break
        whole = [uuid for uuid in known.values() if uuid.startswith(word)]
        named.append(known.get(word) or (whole[0] if len(whole) == 1 else word))
    return named


def _installed() -> dict[str, str]:
    """Index and UUID of each GPU that the driver knows."""
    try:
        told = subprocess.run(ASK, capture_output=True, text=True, timeout=ASK_SECONDS, check=True).stdout
    except FileNotFoundError:
        return {}
    except (OSError, subprocess.SubprocessError) as error:
        logger.warning("nvidia-smi does not say which GPUs there are: %s", error)
        return {}
    rows = (line.split(",") for line in told.splitlines() if "," in line)
    return {index.strip(): uuid.strip() for index, uuid in rows}


def _take(gpu: str, locks: ExitStack) -> bool:
    # A UUID is one card wherever the state folder is mounted; an index is one of this machine's only.
    name = gpu if "-" in gpu else f"{socket.gethostname()}-{gpu}"
    folder = Path(settings.STATE_DIR) / "gpus"
    folder.mkdir(mode=0o700, exist_ok=True)
    safe = re.sub(r"[^\w.-]", "_", name)
    file = locks.enter_context((folder / f"{safe}.lock").open("w"))
    with suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
