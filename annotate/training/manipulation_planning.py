"""Whom a manipulator would learn from, and whether its run may begin: looked at before it is queued.

It learns from pairs: two pictures of one person. So people of whom there are several pictures count.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from annotate.campaigns.models import Campaign
from annotate.faces.models import Dataset, Face, Split
from annotate.training.manipulation_config import ManipulationConfig
from annotate.training.models import Freeze, ModelVersion, Snapshot
from annotate.training.pace import Pace, last_pace
from annotate.training.planning import check_faces, network_of
from annotate.training.run_config import BadSetting
from annotate.training.shared_folders import BadSnapshot, check_snapshot
from annotate.training.snapshot_folder import FEWEST_PEOPLE
from annotate.training.snapshot_store import open_file

WANTED = (
    "A manipulator learns from people of whom there are at least two pictures with different expressions: "
    "import faces with an identity each (its labels.csv says whose a face is), then freeze anew."
)


@dataclass(frozen=True)
class People:
    """Those of whom there are several pictures, and how many of these; `alone`: the faces in no pair."""

    train: int
    train_faces: int
    held_out: int
    held_out_faces: int
    alone: int


@dataclass(frozen=True)
class Prospect:
    """What a run of manipulation will take; `seconds` at the pace of another, None where there is none."""

    people: People
    steps: int
    is_exact: bool
    pace: Pace | None
    seconds: float | None


def prospect(
    source: Snapshot | Campaign | Dataset, config: ManipulationConfig, parent: ModelVersion | None
) -> Prospect:
    """Raises BadSnapshot and BadSetting where no run can be had."""
    _check_embedding(parent)
    people = people_of(source, config.hold_out)
    pace, seconds = last_pace(config, has_parent=True), None
    if pace is not None:
        faces = people.train_faces + people.held_out_faces
        seconds = pace.seconds(steps=config.steps, step_faces=config.faces_per_step, faces=faces)
    return Prospect(people, config.steps, isinstance(source, Snapshot), pace, seconds)


def check_manipulation(source: object, config: ManipulationConfig, parent: ModelVersion | None) -> None:
    """Raises BadSnapshot and BadSetting where no such run may begin now; of what is not frozen yet, a freeze
    says whose faces it will hold."""
    _check_embedding(parent)
    if isinstance(source, Freeze):
        source = source.dataset
    if isinstance(source, Snapshot):
        check_snapshot(source)
        check_faces(source, (key for key, _, _ in _rows(source)))
    people_of(source, config.hold_out)


def people_of(source: object, hold_out: float) -> People:
    """Of a snapshot, or of what would be frozen now. Raises BadSnapshot where nobody could be learnt from."""
    if isinstance(source, Snapshot):
        rows: Iterable[tuple[str, str, str]] = _rows(source)
    else:
        dataset = source.dataset if isinstance(source, Campaign) else source
        rows = Face.objects.filter(dataset=dataset).values_list("key", "split", "identity")
    found = _counted(rows)
    if found.train < FEWEST_PEOPLE:
        raise BadSnapshot(f"It has {_people(found.train)} with several pictures to train on. {WANTED}")
    if found.held_out:
        return found
    # As the network does: a share of the people is held out where no face is.
    held_out = round(hold_out * found.train)
    faces = round(found.train_faces * held_out / found.train)
    return replace(
        found, train=found.train - held_out, train_faces=found.train_faces - faces, held_out=held_out,
        held_out_faces=faces,
    )  # fmt: skip


def _people(count: int) -> str:
    return {0: "nobody", 1: "one person"}.get(count, f"{count} people")


def _counted(rows: Iterable[tuple[str, str, str]]) -> People:
    pictures = {split: Counter[str]() for split in Split.values}
    total = 0
    for _, split, person in rows:
        total += 1
        if person:
            pictures[split][person] += 1
    several = {
        split: [count for count in of_split.values() if count > 1] for split, of_split in pictures.items()
    }
    train, val = several[Split.TRAIN], several[Split.VAL]
    return People(len(train), sum(train), len(val), sum(val), total - sum(train) - sum(val))


def _rows(snapshot: Snapshot) -> list[tuple[str, str, str]]:
    """Key, split and identity of each face. Raises BadSnapshot."""
    try:
        with io.TextIOWrapper(open_file(snapshot.folder, "faces.csv"), encoding="utf-8", newline="") as file:
            return [(row["face"], row["split"], row["identity"]) for row in csv.DictReader(file)]
    except (FileNotFoundError, KeyError) as error:
        raise BadSnapshot(
            f"Its table of faces can not be read ({error}). Restore the folder from a backup, or freeze anew."
        ) from error


def _check_embedding(parent: ModelVersion | None) -> None:
    """Raises BadSetting where no version's embedding can guide the generator."""
    if parent is None:
        raise BadSetting("parent", "choose the model version whose embedding says what an expression is")
    network_of(parent)
