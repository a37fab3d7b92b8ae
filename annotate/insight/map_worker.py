"""What a worker does for an expression map: embeds what is missing, has the network lay it out, enters it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from django.db import transaction

from annotate.faces.models import Face
from annotate.insight.maps import enter_points
from annotate.insight.models import ExpressionMap
from annotate.training.errand_worker import embed_missing
from annotate.training.job_worker import ASIDE, Failed, Stopped, Watch, run_command
from annotate.training.models import Embedding
from annotate.training.scratch import scratch_folder

# Of the whole, where faces have to be embedded first.
EMBEDDING_SHARE = 0.5
ROWS_AT_ONCE = 20_000


def lay_out(asked: ExpressionMap, watch: Watch) -> None:
    """Bring it from what was asked for to stored points. Raises Failed and Stopped."""
    notes, begun = _embed(asked, watch)
    watch.enter_stage("laying out", begun, 1 - begun)
    with scratch_folder() as folder:
        embeddings, output = folder / "embeddings.npz", folder / "map.npz"
        if not _write(asked, embeddings):
            raise Failed(notes or "These data sets have no faces. Import some, then ask again.")
        command = ["map", "--embeddings", str(embeddings), "--output", str(output), "--method", asked.method]
        command += ["--perplexity", str(asked.perplexity), "--neighbours", str(asked.neighbours)]
        said = run_command([*command, "--seed", str(asked.seed), "--threads", "1", *ASIDE], watch)
        if not said:
            raise Failed("The map was laid out but nothing was said of it; the worker's log says more.")
        with transaction.atomic():
            # Whoever was taken for lost enters nothing.
            if not watch.claim.held().select_for_update().exists():
                raise Stopped
            enter_points(asked, _places(output), said, notes)


def _embed(asked: ExpressionMap, watch: Watch) -> tuple[str, float]:
    """Embed the faces that have no embedding yet. What went wrong, in words, and the share of all work done.

    Where some pictures are missing, the map shows the others and says so.
    """
    notes = []
    missing = Face.objects.exclude(embeddings__model_version=asked.model_version)
    todo = [one for one in asked.datasets.order_by("name") if missing.filter(dataset=one).exists()]
    for number, dataset in enumerate(todo):
        share = EMBEDDING_SHARE / len(todo)
        watch.enter_stage(f"embedding {dataset}"[:40], number * share, share)
        try:
            embed_missing(asked.model_version, dataset, watch)
        except Failed as error:
            notes.append(f"{dataset}: {error}")
    return " ".join(notes), EMBEDDING_SHARE if todo else 0.0


def _write(asked: ExpressionMap, path: Path) -> int:
    """The stored embeddings of the map's faces, by the faces' ids; returns how many there are."""
    rows = Embedding.objects.filter(
        model_version=asked.model_version, face__dataset__in=asked.datasets.all()
    ).order_by("face")
    names, vectors = [], []
    for face, vector in rows.values_list("face", "vector").iterator(chunk_size=ROWS_AT_ONCE):
        names.append(str(face))
        vectors.append(np.asarray(vector, dtype=np.float32))
    if names:
        np.savez(path, names=np.array(names), embeddings=np.stack(vectors))
    return len(names)


def _places(path: Path) -> Iterator[tuple[int, float, float]]:
    with np.load(path, allow_pickle=False) as file:
        for name, (x, y) in zip(file["names"].tolist(), file["places"].tolist(), strict=True):
            yield int(name), x, y
