"""How good a manipulator is on held-out people, by judges that took no part in its training."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from model.crops import load_crops
from model.device import chosen_device
from model.errors import TrainingError
from model.events import Events
from model.inference import Embedder
from model.manipulation.judges import ABOUT, JudgeConfig, Judges, load_judges, save_judges, train_judges
from model.manipulation.labelled import read_faces
from model.manipulation.manipulator import Manipulator
from model.manipulation.measures import closer, share
from model.manipulation.pairs import held_out_pairs
from model.snapshot import SPLITS, Snapshot


@dataclass(frozen=True)
class JudgeJob:
    """What is judged, on which faces, by whom. `judges`: a folder that holds them, or that will."""

    manipulator: Path
    checkpoint: Path
    config: JudgeConfig
    snapshot: Path | None = None
    faces: Path | None = None
    labels: Path | None = None
    judges: Path | None = None
    pairs: int = 2000
    device: str | None = None


def judge(job: JudgeJob, events: Events) -> dict[str, Any]:
    """The figures of a manipulator (see `figures`). Raises a ModelError that a user can act on."""
    manipulator = Manipulator.load(job.manipulator, job.device)
    embedder = Embedder.load(job.checkpoint, job.device)
    manipulator.check_embedding(embedder)
    snapshot = read_faces(job.snapshot, job.faces, job.labels, answers=True)
    held_out = manipulator.about.held_out
    if held_out and not (snapshot.faces.split == SPLITS["val"]).any():
        snapshot = snapshot.held_out(held_out)
    pairs = held_out_pairs(snapshot, job.pairs, job.config.seed)
    if not len(pairs):
        raise TrainingError(f"{snapshot.folder}: no two held-out people (split val) to judge on")
    crops = CropsOf(snapshot, events)
    judges = _judges(job, snapshot, crops, events)
    found = figures(snapshot, pairs, crops, manipulator, embedder, judges)
    trained_on = manipulator.about.snapshot.get("sha256") == snapshot.sha256
    return {"snapshot": snapshot.sha256, "trained_on_its_train_split": trained_on} | found


class CropsOf:
    """A snapshot's crops, decoded once for each size that somebody asks for."""

    def __init__(self, snapshot: Snapshot, events: Events) -> None:
        self._snapshot, self._events = snapshot, events
        self._known: dict[int, np.ndarray] = {}

    def at(self, size: int) -> np.ndarray:
        """(F, size, size, 3) uint8."""
        if size not in self._known:
            self._events.stage("crops", len(self._snapshot.faces.keys))
            self._known[size] = load_crops(self._snapshot, size, self._events.progress)
        return self._known[size]


def figures(
    snapshot: Snapshot,
    pairs: np.ndarray,
    crops: CropsOf,
    manipulator: Manipulator,
    embedder: Embedder,
    judges: Judges,
) -> dict[str, Any]:
    """Shares of the pairs (n, 2), with standard errors by the sources' people.

    nearer_to_expression: the made face is nearer to the target than the source is. nearer_to_identity: it
    is nearer to the mean of the source's person's other pictures than to that of the target's person.
    The judges' own limits beside it: `real` is, in place of the made face, that picture of the source's
    person whose embedding is nearest to the target's; `unchanged` is the source itself.
    """
    sources, targets = pairs.T
    used, place = np.unique(pairs, return_inverse=True)
    place = place.reshape(pairs.shape)
    embeddings = embedder.embed(crops.at(embedder.size)[used])
    made = manipulator.manipulate(crops.at(manipulator.size)[sources], embeddings[place[:, 1]])
    people = _People(snapshot, crops, embedder, judges)
    seen_made = judges.see(resized(made, judges.size))
    clusters = snapshot.faces.identity[sources]

    def shares(seen: tuple[Tensor, Tensor]) -> dict[str, Any]:
        expression = closer(seen[0], people.expression[sources], to=people.expression[targets])
        identity = closer(people.others(sources), people.others(targets), to=seen[1])
        return {
            "nearer_to_expression": share(expression, clusters),
            "nearer_to_identity": share(identity, clusters),
        }

    left = (seen_made[0] - people.expression[targets]).norm(dim=1).mean()
    before = (people.expression[sources] - people.expression[targets]).norm(dim=1).mean()
    real = people.likest(sources, targets)
    unchanged = shares((people.expression[sources], people.identity[sources]))
    return {
        "split": "val",
        "pairs": len(pairs),
        "people": len(np.unique(clusters)),
        **shares(seen_made),
        "distance_left": float(left / before),
        "real": shares((people.expression[real], people.identity[real])),
        "unchanged": {"nearer_to_identity": unchanged["nearer_to_identity"]},
        "judges": judges.about,
    }


class _People:
    """What judges and the embedding say of the held-out faces; vectors are indexed by the face's number."""

    def __init__(self, snapshot: Snapshot, crops: CropsOf, embedder: Embedder, judges: Judges) -> None:
        self._who = snapshot.faces.identity
        self._val = np.flatnonzero(snapshot.faces.split == SPLITS["val"])
        expression, identity = judges.see(crops.at(judges.size)[self._val])
        count = len(self._who)
        self.expression = torch.zeros(count, expression.shape[1])
        self.identity = torch.zeros(count, identity.shape[1])
        self.expression[self._val], self.identity[self._val] = expression, identity
        self._embeddings = np.zeros((count, embedder.dimensions), dtype=np.float32)
        self._embeddings[self._val] = embedder.embed(crops.at(embedder.size)[self._val])

    def others(self, faces: np.ndarray) -> Tensor:
        """The mean identity vector (n, D) of each face's person's pictures but the face itself."""
        means = []
        for face in faces:
            same = self._of(face)
            same = same[same != face] if len(same) > 1 else same
            means.append(self.identity[same].mean(dim=0))
        return functional.normalize(torch.stack(means))

    def likest(self, sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Of each source's person the picture (n,) whose embedding is nearest to the target's."""
        found = []
        for source, target in zip(sources, targets, strict=True):
            same = self._of(source)
            distance = ((self._embeddings[same] - self._embeddings[target]) ** 2).sum(axis=1)
            found.append(same[distance.argmin()])
        return np.array(found)

    def _of(self, face: int) -> np.ndarray:
        return self._val[self._who[self._val] == self._who[face]]


def resized(crops: np.ndarray, size: int) -> np.ndarray:
    """Crops (N, S, S, 3) uint8 at another side."""
    if crops.shape[1] == size:
        return crops
    pictures = torch.from_numpy(crops).permute(0, 3, 1, 2).float()
    found = functional.interpolate(pictures, (size, size), mode="bilinear", antialias=True)
    return found.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()


def _judges(job: JudgeJob, snapshot: Snapshot, crops: CropsOf, events: Events) -> Judges:
    device = chosen_device(job.device)
    if job.judges is not None and (job.judges / ABOUT).exists():
        return load_judges(job.judges, device)
    judges = train_judges(snapshot, crops.at(job.config.size), job.config, device, events)
    if job.judges is not None:
        save_judges(job.judges, judges)
    return judges
