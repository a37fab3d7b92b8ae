"""A bucket for tests: moto's server, which speaks S3, in a process of its own; and machines that share it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from config import storage
from tests.config.engines import free_port

KEYS = {"access_key": "key", "secret_key": "secret"}


@contextmanager
def s3_server() -> Iterator[str]:
    """Its address."""
    import requests

    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        address = f"http://127.0.0.1:{port}"
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                with suppress(requests.ConnectionError):
                    requests.get(address, timeout=30)
                    break
                time.sleep(0.1)
            yield address
        finally:
            process.kill()


class SharedBucket:
    """An empty bucket on a server, and how machines are told of it."""

    def __init__(self, address: str, name: str) -> None:
        import boto3

        self.address, self.name = address, name
        self._client = boto3.client(
            "s3", endpoint_url=address, region_name="us-east-1", aws_access_key_id="key",
            aws_secret_access_key="secret",
        )  # fmt: skip
        self._client.create_bucket(Bucket=name)

    @property
    def environment(self) -> dict[str, str]:
        """For a process that is to use it."""
        return {
            "STORAGE_BUCKET": self.name, "STORAGE_ENDPOINT": self.address, "STORAGE_REGION": "us-east-1",
            "STORAGE_ACCESS_KEY": "key", "STORAGE_SECRET_KEY": "secret",
        }  # fmt: skip

    def put_into(self, settings) -> None:
        """What the settings are in such a process."""
        settings.STORAGE_BUCKET = self.name
        chosen = storage.in_bucket(self.name, endpoint=self.address, region="us-east-1", **KEYS)
        settings.STORAGES = {**chosen, "staticfiles": settings.STORAGES["staticfiles"]}

    def names(self) -> list[str]:
        """Of all that it holds; a worker may remove some of it at any moment."""
        listed = self._client.list_objects_v2(Bucket=self.name).get("Contents", [])
        return [entry["Key"] for entry in listed]

    def objects(self) -> dict[str, bytes]:
        """All that it holds, by key."""
        return {
            key: self._client.get_object(Bucket=self.name, Key=key)["Body"].read() for key in self.names()
        }


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def shared_bucket(s3, settings, tmp_path, request):
    """In it are faces, snapshots and runs of this test."""
    bucket = SharedBucket(s3, f"test-{abs(hash(request.node.nodeid))}")
    bucket.put_into(settings)
    return bucket


@pytest.fixture
def on_machine(shared_bucket, settings, tmp_path):
    """Go over to another machine, by name; returns its folder, of which the others know nothing."""

    def go(name: str) -> Path:
        folder = tmp_path / f"machine-{name}"
        folder.mkdir(exist_ok=True)
        settings.STATE_DIR, settings.SNAPSHOTS_DIR = folder, folder / "snapshots"
        settings.RUNS_DIR = folder / "runs"
        return folder

    return go


def left_on(folder: Path) -> list[str]:
    """The files that a machine keeps, but for the locks that say nothing."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path.relative_to(folder)) for path in files if path.name != "mutex"]
