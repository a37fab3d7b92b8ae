"""The bucket that machines share (STORAGE_BUCKET), below snapshots/ and runs/. Objects only, no tables.

Where none is set nothing here is called. Every failure is an OSError; a missing object FileNotFoundError.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files.storage import default_storage, storages

SNAPSHOTS, RUNS = "snapshots", "runs"
# At once: crops are small, and each takes a round trip.
THREADS = 16
KEYS_AT_ONCE = 1000


def is_used() -> bool:
    """Whether snapshots and runs are in a bucket, and folders of this machine only copies."""
    return bool(settings.STORAGE_BUCKET)


def upload(path: Path, key: str) -> None:
    with _told(key):
        _client().upload_file(str(path), _name(), key)


def write(key: str, content: bytes) -> None:
    """Put or replace an object, whole or not at all."""
    with _told(key):
        _client().put_object(Bucket=_name(), Key=key, Body=content)


def read(key: str) -> bytes:
    with open_object(key) as body:
        return body.read()


def open_object(key: str) -> IO[bytes]:
    """An object's content, read as it comes; to be closed by the caller."""
    with _told(key):
        return io.BufferedReader(_Body(_client().get_object(Bucket=_name(), Key=key)["Body"]))


def fetch(key: str, path: Path) -> None:
    """Bring an object."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _told(key):
        body = _client().get_object(Bucket=_name(), Key=key)["Body"]
        with closing(body), path.open("wb") as file:
            shutil.copyfileobj(body, file)


def download(files: Iterable[tuple[str, Path]], wait: Callable[[float], object] | None = None) -> None:
    """Bring objects (key and path), many at once. `wait`, which may raise, is called while they come."""
    with ThreadPoolExecutor(THREADS) as pool:
        coming = [pool.submit(fetch, key, path) for key, path in files]
        try:
            for one in coming:
                while wait is not None and not one.done():
                    wait(0.2)
                one.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def keys(prefix: str) -> list[str]:
    """Of all objects whose key begins with this."""
    with _told(prefix):
        pages = _client().get_paginator("list_objects_v2").paginate(Bucket=_name(), Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", ())]


def folders(prefix: str) -> list[str]:
    """The names that stand for folders right below `prefix`, which ends with a slash."""
    with _told(prefix):
        paginator = _client().get_paginator("list_objects_v2")
        pages = paginator.paginate(Bucket=_name(), Prefix=prefix, Delimiter="/")
        found = [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", ())]
    return [key[len(prefix) :].rstrip("/") for key in found]


def delete(gone: Iterable[str]) -> None:
    """Remove these objects; what is not there is no error."""
    names = [{"Key": key} for key in gone]
    for start in range(0, len(names), KEYS_AT_ONCE):
        batch = {"Objects": names[start : start + KEYS_AT_ONCE], "Quiet": True}
        with _told(names[start]["Key"]):
            failed = _client().delete_objects(Bucket=_name(), Delete=batch).get("Errors")
            if failed:
                raise OSError(f"{failed[0]['Key']} can not be removed: {failed[0].get('Message')}")


def crop_key(stored: str) -> str:
    """The key of a face's crop, which is in the default storage of the same bucket."""
    return f"{default_storage.location}/{stored}"


def _name() -> str:
    name: str = settings.STORAGE_BUCKET
    return name


def _client() -> Any:
    # Of each thread its own: that is how storage keeps connections.
    return storages["shared"].connection.meta.client


class _Body(io.RawIOBase):
    """What Python asks of a file that is read from its beginning, for boto3's streams, which know less."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _told("an object"):
            content = self._body.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        self._body.close()
        super().close()


@contextmanager
def _told(key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        kind = FileNotFoundError if error.response.get("Error", {}).get("Code") == "NoSuchKey" else OSError
        raise kind(f"{settings.STORAGE_BUCKET}/{key}: {error}") from error
    except BotoCoreError as error:
        raise OSError(f"The bucket {settings.STORAGE_BUCKET} does not answer ({key}): {error}") from error
