"""What a run would take of a snapshot, and whether it may begin: looked at before it is queued.

The network's own code makes the plan (its part that needs no torch), so that what is foretold is what comes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

from django.core.cache import cache
from django.db import connection

from annotate.training import snapshot_store
from annotate.training.checkpoint_files import Unreadable, read_network
from annotate.training.launching import replayed
from annotate.training.models import ModelVersion, Snapshot
from annotate.training.run_config import DEFAULT_SIZE, NETWORK, BadSetting, RunConfig
from annotate.training.shared_folders import (
    BadCheckpoint,
    BadSnapshot,
    check_snapshot,
    checkpoint_at_hand,
)
from model.errors import SnapshotError, TrainingError
from model.plan import Plan, epochs_of, plan
from model.snapshot import Snapshot as Tables
from model.snapshot import read_snapshot

__all__ = [
    "Plan", "check_faces", "check_parent", "check_run", "epochs_of", "network_of", "plan_run", "settled",
]  # fmt: skip

KEPT_SECONDS = 86_400
# What a plan depends on.
PLANNED = (
    "hold_out", "seed", "faces_per_step", "triplets_per_step", "epochs", "steps", "imported_share", "replay",
)  # fmt: skip


def plan_run(snapshot: Snapshot, config: RunConfig, parent: ModelVersion | None) -> Plan:
    """The plan of a run; kept, since a form asks for it again and again. Raises as `check_run` does, but
    looks at neither faces nor parent."""
    earlier = replayed(snapshot, parent, config)
    of = [snapshot.sha256, earlier.sha256 if earlier else "", *(getattr(config, name) for name in PLANNED)]
    key = f"plan:{hashlib.sha256(json.dumps(of).encode()).hexdigest()}"
    kept = cache.get(key)
    if kept is None:
        kept = asdict(_plan(snapshot, _tables(snapshot), config, parent))
        cache.set(key, kept, timeout=KEPT_SECONDS)
    return Plan(**kept)


def check_run(snapshot: Snapshot, config: RunConfig, parent: ModelVersion | None) -> Plan:
    """Its plan, where a run may begin now. Raises BadSnapshot where its folder is missing, torn or of another
    hash, or holds a face that is erased, and BadSetting where these settings or this parent do not fit it."""
    tables = _tables(snapshot)
    check_faces(snapshot, tables.faces.keys)
    if parent is not None:
        check_parent(parent, config)
    return _plan(snapshot, tables, config, parent)


def check_parent(parent: ModelVersion, config: RunConfig) -> None:
    """Raises BadSetting where a run with these settings can not go on from the version."""
    network = network_of(parent)
    asked = asdict(config) | {"size": config.side}
    for name in NETWORK:
        if asked[name] != network[name]:
            raise BadSetting(name, f"{asked[name]} does not fit {parent}, whose network has {network[name]}")


def network_of(version: ModelVersion) -> dict[str, Any]:
    """The settings NETWORK of a version's checkpoint. Raises BadSetting where it is not whole."""
    try:
        with checkpoint_at_hand(version) as folder:
            network = read_network(folder)
    except BadCheckpoint as error:
        raise BadSetting("parent", str(error)) from error
    except (Unreadable, OSError) as error:
        raise BadSetting(
            "parent",
            f"the checkpoint of {version} can not be gone on from: {error}. Restore it from a backup, or "
            "choose another version.",
        ) from error
    size = network.get("size") or DEFAULT_SIZE[network["backbone"]]
    normalized = bool(network.get("normalize_vectors", False))
    return {name: network.get(name) for name in NETWORK} | {"size": size, "normalize_vectors": normalized}


def settled(config: RunConfig, parent: ModelVersion | None) -> RunConfig:
    """The settings with the parent's network in place of their own."""
    return config if parent is None else replace(config, **network_of(parent))


def _tables(snapshot: Snapshot) -> Tables:
    check_snapshot(snapshot)
    try:
        with snapshot_store.tables_at_hand(snapshot.folder) as folder:
            return read_snapshot(folder, answers=False)
    except (SnapshotError, OSError) as error:
        raise BadSnapshot(f"{error}. Restore the folder from a backup, or freeze a new snapshot.") from error


def check_faces(snapshot: Snapshot, keys: Iterable[str]) -> None:
    """Raises BadSnapshot where one of the faces that it holds is not in its data set any more.

    One question for all faces: 150,000 take half a second.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), min(key) FROM unnest(%s::text[]) AS held (key) WHERE NOT EXISTS "
            "(SELECT FROM faces_face f WHERE f.key = held.key AND f.dataset_id = %s)",
            [list(keys), snapshot.dataset_id],
        )
        gone, first = cursor.fetchone()
    if gone:
        raise BadSnapshot(
            f"{gone} of its faces are not in data set {snapshot.dataset} any more, the first of them "
            f"{first}: they have been erased. Wait until the erasure is done, or freeze a new snapshot."
        )


def _plan(snapshot: Snapshot, tables: Tables, config: RunConfig, parent: ModelVersion | None) -> Plan:
    earlier = replayed(snapshot, parent, config)
    try:
        return plan(
            tables,
            earlier=_tables(earlier) if earlier else None,
            **{name: getattr(config, name) for name in PLANNED if name != "replay"},
            replay=config.replay or 0.0,
        )
    except TrainingError as error:
        if earlier is None:
            raise BadSnapshot(f"{error}. Freeze one that has some.") from error
        raise BadSetting(
            "replay", f"{error}: leave it empty, and old and new triplets are mixed as they are"
        ) from error
