"""Tables of Markdown, and text that no mark in it turns into one. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """One table, as one block of text."""
    lines = [head, ("---",) * len(head), *(tuple(map(plain, row)) for row in rows)]
    return ["\n".join("| " + " | ".join(line) + " |" for line in lines)]


def plain(text: str) -> str:
    """Names are of users: no mark of Markdown in them is one, and none ends a line."""
    return re.sub(r"([\\`*_\[\]<>|~#])", r"\\\1", " ".join(text.split()))
