"""What a run will take, known before it begins: who is held out, how triplets are mixed, steps and epochs.

Reads tables only and loads no torch: whoever plans a run need not be able to train it.
"""

from dataclasses import dataclass

import numpy as np

from model.errors import TrainingError
from model.proportions import strata_of
from model.sampler import BatchSampler, Composition
from model.snapshot import SPLITS, UNKNOWN, Snapshot

# Where neither epochs nor steps are given.
LEAST_EPOCHS, LEAST_STEPS = 10, 2000


@dataclass(frozen=True)
class Plan:
    """`triplets` are those to train on; `notes` are for the user."""

    train_faces: int
    val_faces: int
    triplets: int
    val_triplets: int
    epochs: int
    steps_per_epoch: int
    notes: tuple[str, ...] = ()

    @property
    def steps(self) -> int:
        return self.epochs * self.steps_per_epoch


def plan(
    snapshot: Snapshot,
    *,
    hold_out: float,
    seed: int,
    faces_per_step: int,
    triplets_per_step: int,
    epochs: int | None,
    steps: int | None,
    imported_share: float | None = None,
    earlier: Snapshot | None = None,
    replay: float = 0.9,
    composition: Composition = "shared",
) -> Plan:
    """The plan of a run with these settings (see TrainConfig). Raises TrainingError where it can not be."""
    whole, _, notes = with_held_out(snapshot, hold_out, seed)
    rows, train = whole.triplets_of("train"), whole.faces.split == SPLITS["train"]
    if not len(rows):
        raise TrainingError(f"{snapshot.folder}: no triplet has all its faces in the train split")
    strata = strata_of(whole, rows, imported_share=imported_share, earlier=earlier, replay=replay)
    sampler = BatchSampler(
        whole.triplets.faces,
        rows,
        faces=faces_per_step,
        triplets=triplets_per_step,
        composition=composition,
        strata=None if strata is None else strata.codes,
        shares=None if strata is None else strata.shares,
    )
    return Plan(
        train_faces=int(train.sum()),
        val_faces=int((~train).sum()),
        triplets=len(rows),
        val_triplets=len(whole.triplets_of("val")),
        epochs=epochs_of(epochs, steps, sampler.steps),
        steps_per_epoch=sampler.steps,
        notes=tuple(notes),
    )


def epochs_of(epochs: int | None, steps: int | None, steps_per_epoch: int) -> int:
    """How many epochs of so many steps the settings ask for."""
    if epochs is not None:
        return epochs
    if steps is not None:
        return -(-steps // steps_per_epoch)
    return max(LEAST_EPOCHS, -(-LEAST_STEPS // steps_per_epoch))


def with_held_out(snapshot: Snapshot, share: float, seed: int) -> tuple[Snapshot, tuple[str, ...], list[str]]:
    """The snapshot with a val split, the identities held out for it if it had none, notes for the user."""
    if (snapshot.faces.split == SPLITS["val"]).any():
        return snapshot, (), []
    people = np.unique(snapshot.faces.identity[snapshot.faces.identity != UNKNOWN])
    count = round(share * len(people))
    if not count:
        return snapshot, (), ["no val faces and no identities to hold out: accuracy is not measured"]
    drawn = np.random.default_rng(seed).choice(people, size=count, replace=False)
    names = tuple(snapshot.faces.identities[code] for code in sorted(drawn))
    return (
        snapshot.held_out(names),
        names,
        [f"no val faces: {count} of {len(people)} identities are held out"],
    )
