"""The paper's Tables 1 and 3 on any snapshot: which rows there are, and every run that they need.

A row's run with one seed is a cell; each is kept in its own folder, so that an ablation goes on where it was
interrupted. What is made of the figures is ablation_tables.py's.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from model.accuracy import Report, report
from model.checkpoint import CONFIG, replace_text
from model.device import chosen_device
from model.errors import TrainingError
from model.events import Events
from model.floor import FLOORS, floor_vectors
from model.identity import learnable
from model.identity_weights import DESCRIPTION
from model.preparation import Job, has_people, prepare, pretrain
from model.resume import has_state
from model.run import run_training
from model.snapshot import SPLITS, UNKNOWN, Snapshot, read_snapshot
from model.threedmm import threedmm_vectors
from model.train_config import TrainConfig

PLAN, REPORT = "plan.json", "report.json"


@dataclass(frozen=True)
class Row:
    """One row of the table. `settings` are what its runs change; a floor has none, and no seeds.

    `against`: the row that it is compared with, seed by seed.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    floor: str | None = None
    against: str | None = None


@dataclass(frozen=True)
class Ablation:
    """What to measure: `config` is every row's but for its settings, its seed the first of `seeds`.

    `shapes`: a morphable model for the row 3DMM, `detector` its landmark detector.
    """

    snapshot: Path
    output: Path
    config: TrainConfig
    seeds: int = 3
    only: Collection[str] = ()
    shapes: Path | None = None
    detector: Path = Path("landmarks.safetensors")
    device: str | None = None


@dataclass(frozen=True)
class Measured:
    """A row's accuracy reports on the val triplets, one for each seed (a floor has one)."""

    row: Row
    reports: tuple[Report, ...]


def rows_of(snapshot: Snapshot) -> tuple[Row, ...]:
    """The rows that this snapshot can fill: without tournament triplets none with hierarchical annotation.

    DLN^k is the network of order k; CL: with the crowd layer; HA: with the tournaments' triplets.
    """
    imported = snapshot.triplets.imported
    tournaments = not imported.all() and imported.any()
    without = {"imported_share": 1.0} if tournaments else {}
    plain = {"crowd": False, **without}
    rows = [Row(floor, floor=floor) for floor in FLOORS]
    if len(learnable(np.where(snapshot.faces.split == SPLITS["train"], snapshot.faces.expression, UNKNOWN))):
        rows.append(Row("AFFNet-CL", {"method": "classifier", "epochs": None}))
    rows.append(Row("FECNet", {**plain, "method": "fecnet"}, against="DLN^3"))
    rows.append(Row("DLN^1", {**plain, "order": 1}))
    rows += [Row(f"DLN^{k}", {**plain, "order": k}, against="DLN^1") for k in range(2, 6)]
    if snapshot.answers.annotators:
        rows.append(Row("DLN^3 CL", {"crowd": True, "order": 3, **without}, against="DLN^3"))
    if tournaments:
        rows.append(Row("DLN^3 HA", {"crowd": False, "order": 3}, against="DLN^3"))
    if tournaments and snapshot.answers.annotators:
        rows.append(Row("DLN^3 CL HA", {"crowd": True, "order": 3}, against="DLN^3"))
    return tuple(rows)


def ablate(ablation: Ablation, events: Events) -> list[Measured]:
    """Every cell that is not there yet, seed by seed, so that there are comparable figures early.

    Raises TrainingError for a row that there is not, or if the folder holds another ablation.
    """
    snapshot, _, _ = prepare(read_snapshot(ablation.snapshot), ablation.config)
    rows = rows_of(snapshot)
    if ablation.shapes is not None:
        rows = (Row("3DMM", floor="3DMM"), *rows)
    rows = _chosen(rows, ablation.only)
    _check_plan(ablation, snapshot)
    reports: dict[str, list[Report]] = {row.name: [] for row in rows}
    for row in rows:
        if row.floor is not None:
            reports[row.name].append(_floor(ablation, snapshot, row.floor))
    for number in range(ablation.seeds):
        seed = ablation.config.seed + number
        for row in rows:
            if row.floor is None:
                reports[row.name].append(_cell(ablation, snapshot, row, seed, events))
    return [Measured(row, tuple(reports[row.name])) for row in rows]


def _chosen(rows: tuple[Row, ...], only: Collection[str]) -> tuple[Row, ...]:
    names = [row.name for row in rows]
    for name in only:
        if name not in names:
            raise TrainingError(f"there is no row {name!r}; there are {', '.join(names)}")
    return tuple(row for row in rows if not only or row.name in only)


def _check_plan(ablation: Ablation, snapshot: Snapshot) -> None:
    plan = json.loads(json.dumps({"snapshot": snapshot.sha256, "training": asdict(ablation.config)}))
    path = ablation.output / PLAN
    if not path.exists():
        ablation.output.mkdir(parents=True, exist_ok=True)
        replace_text(path, json.dumps(plan, indent=2) + "\n")
    elif json.loads(path.read_text(encoding="utf-8")) != plan:
        raise TrainingError(f"{ablation.output} holds an ablation of another snapshot or with other settings")


def _floor(ablation: Ablation, snapshot: Snapshot, kind: str) -> Report:
    path = ablation.output / kind / REPORT
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        if ablation.shapes is not None and kind == "3DMM":
            vectors = threedmm_vectors(snapshot, ablation.shapes, ablation.detector, "val")
        else:
            vectors = floor_vectors(snapshot, kind)
        _keep(path, report(snapshot, vectors, "val"))
    return _kept(path)


def _cell(ablation: Ablation, snapshot: Snapshot, row: Row, seed: int, events: Events) -> Report:
    """The report of one run, trained unless it is there."""
    folder = ablation.output / row.name.replace(" ", "-") / f"seed-{seed}"
    if not (folder / REPORT).exists():
        config = replace(ablation.config, seed=seed, **row.settings)
        identity = _identity(ablation, snapshot, config, events)
        job = replace(_job(ablation, folder, config), identity_weights=identity)
        finished = (folder / CONFIG).exists() and not has_state(folder)
        events.emit("row", row=row.name, seed=seed)
        found = None if finished else run_training(replace(job, resume=True), events)
        _keep(folder / REPORT, found or _kept(folder / CONFIG)["report"])
    return _kept(folder / REPORT)


def _identity(ablation: Ablation, snapshot: Snapshot, config: TrainConfig, events: Events) -> Path | None:
    """The identity backbone that all rows of a seed share; FaceNet has its own."""
    if config.backbone == "facenet" or not has_people(snapshot):
        return None
    folder = ablation.output / f"identity-{config.seed}"
    if not (folder / DESCRIPTION).exists():
        pretrain(_job(ablation, folder, config), chosen_device(ablation.device), events)
    return folder


def _job(ablation: Ablation, output: Path, config: TrainConfig) -> Job:
    job = Job(ablation.snapshot, output, config, device=ablation.device)
    return replace(job, crops=ablation.output / f"crops-{job.size}.npy")


def _keep(path: Path, found: Report) -> None:
    replace_text(path, json.dumps(found, indent=2) + "\n")


def _kept(path: Path) -> Report:
    return dict(json.loads(path.read_text(encoding="utf-8")))
