"""What else tells of an erased person: embeddings that a failed run left, logs, lists of held-out people,
rejects files, instructions, messages of failures. A file is rewritten beside, and takes the old one's place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.conf import settings

from annotate.campaigns.models import Campaign
from annotate.curation.models import Erasure
from annotate.faces.import_files import ImportFiles
from annotate.faces.models import Import
from annotate.training.models import ENDED, Errand, Freeze, Run
from annotate.training.run_at_hand import run_texts_at_hand
from annotate.training.run_files import RunFiles

GONE = "What it said named a face that has been erased since."
Keeps = Callable[[str], bool]


def remove(erasure: Erasure, keys: Collection[str]) -> None:
    """Remove every other trace of these faces. May be done again."""
    images = set(erasure.faces.values_list("image", flat=True))
    Freeze.objects.failed().filter(dataset=erasure.dataset).delete()
    for campaign in Campaign.objects.filter(dataset=erasure.dataset).exclude(instructions=""):
        if (text := _without_keys(campaign.instructions, keys)) != campaign.instructions:
            Campaign.objects.filter(pk=campaign.pk).update(instructions=text)
    ended = Run.objects.filter(snapshot__dataset=erasure.dataset, state__in=ENDED)
    for run in ended.defer("events").iterator(chunk_size=50):
        if any(key in run.error for key in keys):
            Run.objects.filter(pk=run.pk).update(error=GONE)
        with run_texts_at_hand(run) as files:
            _clean_run(files, {*keys, *filter(None, [erasure.identity])})
    for errand in Errand.objects.exclude(error=""):
        if any(key in errand.error for key in keys):
            Errand.objects.filter(pk=errand.pk).update(error=GONE)
    keeps = _names_none(images, erasure.identity)
    for path in _rejects_files(erasure.dataset.name):
        _keep_lines(path, keeps)


def _rejects_files(dataset: str) -> list[Path]:
    """Those of the import commands, and those of imports in the browser."""
    by_command = (Path(settings.STATE_DIR) / "rejects").glob(f"*-{dataset}-*.csv")
    return [*by_command, *(ImportFiles(of).rejects for of in Import.objects.filter(dataset=dataset))]


def _without_keys(text: str, keys: Collection[str]) -> str:
    """Instructions may show a face by its key, as it is or as in an address; they say that it is gone."""
    for key in keys:
        text = text.replace(key, "erased").replace(quote(key), "erased")
    return text


def _clean_run(files: RunFiles, names: Collection[str]) -> None:
    if not files.folder.is_dir():
        return
    # What is still here of an ended run was never stored.
    files.drop_embeddings()
    _keep_lines(files.log, lambda line: not any(name in line for name in names))
    for path in files.folder.rglob("crops.*"):  # of a run that was killed while it decoded them
        path.unlink()
    for path in sorted(files.folder.rglob("*.json")):
        with suppress(ValueError):  # torn by a kill: no checkpoint reads it either
            values = json.loads(path.read_text(encoding="utf-8"))
            if (cleaned := _without(values, names)) != values:
                _replace(path, [json.dumps(cleaned, indent=2) + "\n"])


def _without(value: Any, names: Collection[str]) -> Any:
    """A JSON value whose lists hold none of these texts."""
    if isinstance(value, list):
        return [_without(item, names) for item in value if not (isinstance(item, str) and item in names)]
    if isinstance(value, dict):
        return {key: _without(item, names) for key, item in value.items()}
    return value


def _names_none(images: Collection[str], identity: str) -> Keeps:
    """Whether a line of a rejects file names none of the pictures, nor the person as such."""
    named = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, images))})(?![\w-])")
    label = f'identity ""{identity}""'
    return lambda line: not named.search(line) and not (identity and label in line)


def _keep_lines(path: Path, keeps: Keeps) -> None:
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        if not all(map(keeps, file)):
            file.seek(0)
            _replace(path, filter(keeps, file))


def _replace(path: Path, lines: Iterable[str]) -> None:
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", encoding="utf-8", errors="surrogateescape", newline="") as out:
        out.writelines(lines)
    partial.replace(path)
