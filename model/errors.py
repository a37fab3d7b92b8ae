"""What a user can put right. The command line prints these as one line; any other exception is our bug."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# A disk that is full, over its quota, read-only, broken or not ours.
_UNWRITABLE = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENOTDIR,
}  # fmt: skip


class ModelError(Exception):
    """Base of all errors that the message alone lets a user fix."""


class SnapshotError(ModelError):
    """A snapshot folder that is not as docs/snapshot.md states; names file, line and reason."""


class WeightsMissing(ModelError):
    """Pretrained weights that are not on this machine and could not be downloaded."""


class CheckpointError(ModelError):
    """A folder that is not a whole checkpoint of a known format."""


class ImagesError(ModelError):
    """Images to embed that are missing, unreadable or show no single face."""


class EmbeddingsError(ModelError):
    """A file of embeddings that cannot be read; names it and what is amiss."""


class LabelsError(ModelError):
    """A table of labels, or of triplets to measure, that cannot be read; names file, line and reason."""


class DeviceError(ModelError):
    """A device that this machine does not have."""


class TrainingError(ModelError):
    """Settings or data with which training cannot start or go on."""


class OutputError(ModelError):
    """A file that cannot be written where, or in the format that, is asked for."""


class ShapesError(ModelError):
    """A file that holds no morphable model; names the file and what is missing or amiss."""


class DetectorError(ModelError):
    """A file that holds no landmark detector; names it."""


class MapError(ModelError):
    """Embeddings that can not be laid out in the plane, or that are not there."""


@contextmanager
def writing_to(output: Path) -> Iterator[None]:
    """In which a disk that takes no more raises OutputError; what is whole there stays whole."""
    try:
        yield
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        raise OutputError(f"{error.filename or output} can not be written: {error.strerror}") from error
