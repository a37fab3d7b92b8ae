"""Django's STORAGES: faces in a folder or, for several machines, in an S3-compatible bucket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

STATICFILES = {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}


def in_folder(faces: Path) -> dict[str, Any]:
    """Faces in a folder of this machine; they are personal data, so nobody else may read them."""
    options = {
        "location": str(faces),
        "base_url": None,
        "file_permissions_mode": 0o600,
        "directory_permissions_mode": 0o700,
    }
    return {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options},
        "staticfiles": STATICFILES,
    }


def in_bucket(bucket: str, *, endpoint: str, region: str, access_key: str, secret_key: str) -> dict[str, Any]:
    """Faces below faces/ of a bucket; "shared" is the whole of it, for snapshots and runs.

    Without keys, those that boto3 finds by itself count: a machine's own role, say.
    """
    from botocore.config import Config

    client = Config(
        # Only where the protocol asks for them: not every S3-compatible server knows boto3's newest ones.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"mode": "standard", "max_attempts": 5},
        max_pool_connections=32,
    )
    options = {
        "bucket_name": bucket,
        "endpoint_url": endpoint or None,
        "region_name": region or None,
        "access_key": access_key or None,
        "secret_key": secret_key or None,
        "client_config": client,
    }
    backend = "storages.backends.s3.S3Storage"
    faces = {**options, "location": "faces", "file_overwrite": False}
    return {
        "default": {"BACKEND": backend, "OPTIONS": faces},
        "shared": {"BACKEND": backend, "OPTIONS": options},
        "staticfiles": STATICFILES,
    }
