"""What a worker does with an errand: has the network embed or measure, and enters what came of it.

The network runs in other processes; the errand's states, and how far it is, are job_worker.py's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from django.utils import timezone

from annotate.faces.models import Dataset, Face
from annotate.training.crops_at_hand import Crops, crops_at_hand
from annotate.training.job_worker import ASIDE, Failed, Watch, run_command
from annotate.training.models import Embedding, Errand, ModelVersion, Snapshot
from annotate.training.results import store_embeddings_of
from annotate.training.runs import BadSnapshot
from annotate.training.shared_folders import checkpoint_at_hand, snapshot_at_hand
from annotate.training.snapshot_alteration import while_nobody_is_erased
from annotate.training.validating import enter_validation, unfair_to

# An erasure waits until so many faces are embedded and their copies gone.
FACES_AT_ONCE = 2_000


def work_on(errand: Errand, watch: Watch) -> None:
    """Do what was asked for."""
    if errand.dataset:
        embed_missing(errand.model_version, errand.dataset, watch)
    else:
        _measure(errand, watch)


def _measure(asked: Errand, watch: Watch) -> None:
    version, snapshot = asked.model_version, asked.snapshot
    if reason := unfair_to(version, snapshot):
        raise Failed(reason)
    while not _is_measured(version, snapshot, watch):
        # A person was taken out of it meanwhile: it is measured as it is now.
        snapshot.refresh_from_db()


def _is_measured(version: ModelVersion, snapshot: Snapshot, watch: Watch) -> bool:
    """False where the snapshot changed meanwhile."""
    try:
        with checkpoint_at_hand(version) as checkpoint, snapshot_at_hand(snapshot) as folder:
            command = ["evaluate", "--checkpoint", str(checkpoint), "--snapshot", str(folder)]
            said = run_command([*command, *ASIDE], watch)
        if not said:
            raise Failed("The evaluation ended well but printed no figures; the worker's log says more.")
    except (Failed, BadSnapshot, OSError):
        if Snapshot.objects.filter(pk=snapshot.pk, sha256=snapshot.sha256).exists():
            raise
        return False
    return enter_validation(version, snapshot, said, timezone.now())


def embed_missing(version: ModelVersion, dataset: Dataset, watch: Watch) -> None:
    """Embed what is not embedded yet, some faces at a time: what is done stays, whatever comes.

    Raises Failed, with the faces that have no embedding then, and Stopped.
    """
    missing: list[str] = []
    faces = Face.objects.filter(dataset=dataset)
    embedded = Embedding.objects.filter(model_version=version, face__dataset=dataset)
    with checkpoint_at_hand(version) as checkpoint:
        last = 0
        while True:
            watch.enter_part(embedded.count(), faces.count())
            with while_nobody_is_erased():
                todo = faces.exclude(embeddings__model_version=version).filter(pk__gt=last)
                part = list(todo.order_by("pk")[:FACES_AT_ONCE])
                if not part:
                    break
                with crops_at_hand(part) as crops:
                    _embed_part(version, checkpoint, crops, watch, len(part))
            last = part[-1].pk
            missing += crops.missing
    if missing:
        raise Failed(
            f"{len(missing)} faces have no embedding: their pictures in storage are missing or not what was "
            f"imported, the first is that of {missing[0]}. Restore them from a backup, then ask again."
        )


def _embed_part(version: ModelVersion, checkpoint: Path, crops: Crops, watch: Watch, count: int) -> None:
    if count == len(crops.missing):
        return
    output = crops.folder.with_name("embeddings.npy")
    command = ["embed", "--checkpoint", str(checkpoint), "--images", str(crops.folder)]
    run_command([*command, "--output", str(output), *ASIDE], watch, share=count / max(watch.total, 1))
    store_embeddings_of(version, _embedded(output))


def _embedded(path: Path) -> Iterator[tuple[int, list[float]]]:
    """The faces' ids and vectors. Raises ValueError where the two files do not fit."""
    names = path.with_name(f"{path.name}.names.txt").read_text(encoding="utf-8").splitlines()
    for name, vector in zip(names, np.load(path, allow_pickle=False), strict=True):
        yield int(Path(name).stem), vector.tolist()
