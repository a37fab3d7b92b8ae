"""From what a file says (a URL, a cell of labels.csv) to the name of a picture inside a folder. No Django,
and no look at the disk: a name that could lead out of the folder never gets that far."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from annotate.faces.problems import BadRow, quoted

LONGEST_NAME = 250
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def url_file_name(url: str) -> str:
    """The picture that a URL names: its path's last component, percent-decoded.

    Raises BadRow where that is no plain file name.
    """
    try:
        name = unquote(urlsplit(url).path.rsplit("/", 1)[-1], errors="strict")
    except ValueError as error:
        raise BadRow(f"{quoted(url)} is not a URL ({error})") from error
    if name in ("", ".", ".."):
        raise BadRow(f"the URL {quoted(url)} does not end in a file name")
    if "/" in name or "\\" in name:
        raise BadRow(f"the URL {quoted(url)} names a file outside the folder of images")
    return checked_name(name)


def relative_name(text: str) -> str:
    """A picture's path relative to the folder, without `./` and doubled slashes.

    Raises BadRow where it is empty, absolute or leads out of the folder.
    """
    path = PurePosixPath(text)
    if not path.parts:
        raise BadRow("the image is not named")
    if path.is_absolute() or ".." in path.parts:
        raise BadRow(f"{quoted(text)} leads outside the folder; a path relative to it is needed")
    return checked_name(str(path))


def checked_name(name: str) -> str:
    """The name itself. Raises BadRow where it is too long, not UTF-8 or holds control characters."""
    if len(name) > LONGEST_NAME:
        raise BadRow(f"the name {quoted(name)} is longer than {LONGEST_NAME} characters")
    if _UNPRINTABLE.search(name):
        raise BadRow(f"the name {quoted(name)} is not UTF-8 or has control characters; rename the file")
    return name
