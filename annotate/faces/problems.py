"""What can be wrong with an import: one row (BadRow) or all of it (ImportFailed). No Django."""

from __future__ import annotations

LONGEST_QUOTE = 60


class BadRow(Exception):
    """One row or picture that can not go in; the message is the reason in the rejects file."""


class ImportFailed(Exception):
    """Nothing of the import can go in; the message names the file and says what to do."""


class DatasetBusy(ImportFailed):
    """Another import into the same data set is under way; this one may begin when that has ended."""


def quoted(text: str) -> str:
    """A cell's text for a message: in quotes, unprintable characters escaped, not longer than a line."""
    cut = text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + "..."
    return repr(cut)
