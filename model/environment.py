"""With what a run is trained: this code's version, Python, libraries, the device. Looks; changes nothing."""

import hashlib
import platform
import subprocess
from pathlib import Path

import numpy as np
import torch

PACKAGE = Path(__file__).parent


def environment(device: torch.device) -> dict[str, str]:
    """By name, as an event tells it. What cannot be told is missing."""
    found = {
        "semblance": code_version(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "device": device.type,
        "device_name": _device_name(device),
    }
    if device.type == "cuda" and torch.version.cuda:
        found["cuda"] = torch.version.cuda
    return found


def code_version(package: Path = PACKAGE) -> str:
    """The git commit where the package lies in a work tree, and the hash of its sources where it does not or
    they are not the commit's."""
    sources = f"sources {_sources_hash(package)}"
    commit = _git(package, "rev-parse", "--short=12", "HEAD")
    # Somebody else's repository around an installed package knows nothing of these files.
    if not commit or not _git(package, "ls-files", "--", "run.py"):
        return sources
    return (
        f"commit {commit}, {sources}"
        if _git(package, "status", "--porcelain", "--", ".")
        else f"commit {commit}"
    )


def _sources_hash(package: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        total.update(f"{path.relative_to(package).as_posix()}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()[:12]


def _git(folder: Path, *arguments: str) -> str:
    """What git says; nothing where there is no git, no repository, or another's that it does not trust."""
    try:
        said = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.stdout.strip() if said.returncode == 0 else ""


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()
