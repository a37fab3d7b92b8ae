"""Who and what is in a stored snapshot, in numbers, for a model card. Its tables are read by columns, block
by block: half a million triplets with three million answers take three seconds and 170 MB.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from annotate.faces.models import Split
from annotate.training.models import Snapshot
from annotate.training.snapshot_store import open_file

# Of our own people; raters of a data set bear its name.
OURS = "user:"
BLOCK_BYTES = 4 << 20
SNAPSHOTS_KEPT = 64


@dataclass(frozen=True)
class Annotators:
    """`weights` are each one's W_k, the share of their answers that agree with others', in rising order."""

    answers: int
    weights: tuple[float, ...]

    @property
    def count(self) -> int:
        return len(self.weights)

    @property
    def median(self) -> float:
        return self.weights[len(self.weights) // 2]


@dataclass(frozen=True)
class SnapshotFacts:
    """`faces` and `people` by split, `nameless`: faces of unknown people; `triplets` by source and split;
    `ours` answered in campaigns, `raters` came with the data set."""

    faces: dict[str, int]
    people: dict[str, int]
    nameless: int
    triplets: dict[tuple[str, str], int]
    ours: Annotators
    raters: Annotators


def facts_of(snapshot: Snapshot) -> SnapshotFacts | None:
    """None where its folder is gone. What has the same hash has the same facts, and is counted once."""
    try:
        return _facts(snapshot.folder, snapshot.sha256)
    except FileNotFoundError:
        return None


@lru_cache(SNAPSHOTS_KEPT)
def _facts(folder: str, sha256: str) -> SnapshotFacts:
    faces: Counter[str] = Counter()
    people: dict[str, set[str]] = defaultdict(set)
    held_out: list[str] = []
    nameless = 0
    with _blocks(folder, "faces.csv", "face", "split", "identity") as blocks:
        for block in blocks:
            for key, split, person in zip(*(block[i].to_pylist() for i in range(3)), strict=True):
                faces[split] += 1
                people[split] |= {person} if person else set()
                nameless += not person
                held_out += [key] if split == Split.VAL else []
    ours, raters = _annotators(folder)
    return SnapshotFacts(
        dict(faces), {split: len(found) for split, found in people.items()}, nameless,
        _triplets(folder, pa.array(held_out, pa.string())), ours, raters,
    )  # fmt: skip


def _triplets(folder: str, held_out: pa.Array) -> dict[tuple[str, str], int]:
    found: Counter[tuple[str, str]] = Counter()
    with _blocks(folder, "triplets.csv", "anchor", "source") as blocks:
        for block in blocks:
            is_val = pc.is_in(block["anchor"], value_set=held_out)
            for split, chosen in ((Split.VAL, is_val), (Split.TRAIN, pc.invert(is_val))):
                for entry in pc.value_counts(block["source"].filter(chosen)).to_pylist():
                    found[entry["values"], split.value] += entry["counts"]
    return dict(found)


def _annotators(folder: str) -> tuple[Annotators, Annotators]:
    weights: dict[str, float] = {}
    answers: Counter[bool] = Counter()
    with _blocks(folder, "answers.csv", "annotator", "weight") as blocks:
        for block in blocks:
            table = pa.table({"annotator": block["annotator"], "weight": block["weight"].cast(pa.float64())})
            grouped = table.group_by("annotator").aggregate([("weight", "mean"), ("weight", "count")])
            for row in grouped.to_pylist():
                weights[row["annotator"]] = row["weight_mean"]
                answers[row["annotator"].startswith(OURS)] += row["weight_count"]
    ours = sorted(weight for name, weight in weights.items() if name.startswith(OURS))
    raters = sorted(weight for name, weight in weights.items() if not name.startswith(OURS))
    return Annotators(answers[True], tuple(ours)), Annotators(answers[False], tuple(raters))


@contextmanager
def _blocks(folder: str, table: str, *columns: str) -> Iterator[csv.CSVStreamingReader]:
    """These columns as texts."""
    with (
        open_file(folder, table) as file,
        csv.open_csv(
            file,
            read_options=csv.ReadOptions(block_size=BLOCK_BYTES),
            convert_options=csv.ConvertOptions(
                include_columns=columns, column_types=dict.fromkeys(columns, pa.string())
            ),
        ) as blocks,
    ):
        yield blocks
