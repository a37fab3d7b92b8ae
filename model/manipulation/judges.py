"""The judges of made faces: an expression and an identity network that no generator is trained by.

They are built otherwise than the networks that manipulation learns from (residual blocks), start from
another seed, and are trained on the train split alone. What they say is judge.py's.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from model.accuracy import headline
from model.backbone import FEATURES, frozen, to_input
from model.checkpoint import load_tensors, replace_text, save_tensors
from model.crops import take
from model.device import half_precision
from model.dln import OnSphere
from model.errors import CheckpointError, TrainingError
from model.events import Events
from model.identity import IdentityConfig, learn_labels, learnable
from model.network import EMBEDDING, EmbeddingNetwork, NetworkConfig
from model.snapshot import SPLITS, UNKNOWN, Snapshot
from model.train_config import TrainConfig
from model.training import Trainer

FORMAT = 1
ABOUT = "judges.json"
EXPRESSION, IDENTITY = "expression.safetensors", "identity.safetensors"
AT_ONCE = 64
# Added to the seed that is asked for: a manipulator of that seed has begun from other weights.
OTHER_SEED = 7919


@dataclass(frozen=True)
class JudgeConfig:
    """How the judges are trained. size: side in px of the faces that they see. steps: of the expression
    judge, where it learns from triplets; epochs: of what learns from labels."""

    size: int = 64
    seed: int = 0
    steps: int = 800
    epochs: int = 20


class Residual(nn.Module):
    """Two convolutions, the first with stride 2, beside a 1 x 1 one (He et al. 2016)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, width, 3, stride=2, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(width)
        self.past = nn.Conv2d(channels, width, 1, stride=2, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to (N, width, H / 2, W / 2)."""
        inner = functional.relu(self.first_norm(self.first(maps)))
        return functional.relu(self.second_norm(self.second(inner)) + self.past(maps))


class JudgeTrunk(nn.Module):
    """Float faces (N, 3, S, S) to vectors (N, 512)."""

    WIDTHS = (24, 48, 96, 128)

    def __init__(self, size: int) -> None:
        super().__init__()
        stem, *wider = self.WIDTHS
        layers: list[nn.Module] = [nn.Conv2d(3, stem, 5, stride=2, padding=2), nn.ReLU(inplace=True)]
        width, side = stem, -(-size // 2)
        for wide in wider:
            layers.append(Residual(width, wide))
            width, side = wide, -(-side // 2)
        self.maps = nn.Sequential(*layers)
        self.drop = nn.Dropout(0.2)
        self.last = nn.Linear(width * side * side, FEATURES, bias=False)
        self.norm = nn.BatchNorm1d(FEATURES)

    def forward(self, faces: Tensor) -> Tensor:
        """V (N, 512)."""
        return cast(Tensor, self.norm(self.last(self.drop(self.maps(faces).flatten(1)))))


class ExpressionJudge(EmbeddingNetwork):
    """A trunk, one linear layer, 16 numbers on the sphere: learns from triplets, with no identity branch."""

    FROZEN: ClassVar[str] = "nothing."
    KEEPS_FEATURES: ClassVar[bool] = False

    def __init__(self, size: int) -> None:
        super().__init__(NetworkConfig(size=size))
        self.trunk = JudgeTrunk(size)
        self.last = nn.Linear(FEATURES, EMBEDDING)
        self.placed = OnSphere()

    def vectors(self, images: Tensor, features: Tensor | None = None) -> Tensor:
        """(N, 16), not yet placed."""
        return cast(Tensor, self.last(self.trunk(images)))

    def place(self, vectors: Tensor) -> Tensor:
        """(N, 16) of length 1."""
        return cast(Tensor, self.placed(vectors.float()))


@dataclass
class Judges:
    """Both networks, ready; `about` is judges.json: size, what they learnt from, how good they are."""

    expression: nn.Module
    identity: nn.Module
    about: dict[str, Any]
    device: torch.device

    @property
    def size(self) -> int:
        """Side in px of the faces that they see."""
        return int(self.about["size"])

    @torch.no_grad()
    def see(self, crops: np.ndarray) -> tuple[Tensor, Tensor]:
        """Vectors of expression (N, D) and of identity (N, 512), of length 1, of crops (N, S, S, 3) uint8."""
        expression, identity = [], []
        for start in range(0, len(crops), AT_ONCE):
            rows = np.arange(start, min(start + AT_ONCE, len(crops)))
            faces = to_input(take(crops, rows, self.device))
            expression.append(functional.normalize(self.expression(faces).float()).cpu())
            identity.append(functional.normalize(self.identity(faces).float()).cpu())
        return torch.cat(expression), torch.cat(identity)


def train_judges(
    snapshot: Snapshot, crops: np.ndarray, config: JudgeConfig, device: torch.device, events: Events
) -> Judges:
    """Both judges from the train faces of `crops` (F, S, S, 3). Raises TrainingError where nothing tells
    expressions, or people, apart."""
    train = snapshot.faces.split == SPLITS["train"]
    people = np.where(train, snapshot.faces.identity, UNKNOWN)
    if not len(learnable(people)):
        raise TrainingError(f"{snapshot.folder}: no judge of identity: no two people with two train pictures")
    seed = config.seed + OTHER_SEED
    if len(snapshot.triplets_of("train")):
        expression, learnt = _from_triplets(snapshot, crops, config, device, events)
    else:
        shown = np.where(train, snapshot.faces.expression, UNKNOWN)
        if not len(learnable(shown)):
            raise TrainingError(
                f"{snapshot.folder}: no judge of expression: it has neither triplets nor two expression "
                "labels with two train pictures each (give --judges trained elsewhere)"
            )
        expression, right = _from_labels(crops, shown, config, seed, device, events, "expression")
        learnt = {"learnt_from": "labels", "train_accuracy": right}
    identity, right = _from_labels(crops, people, config, seed + 1, device, events, "identity")
    about = {
        "format": FORMAT,
        **asdict(config),
        "snapshot": snapshot.sha256,
        "expression": learnt,
        "identity": {"learnt_from": "labels", "train_accuracy": right},
    }
    return Judges(frozen(expression), frozen(identity), about, device)


def _from_triplets(
    snapshot: Snapshot, crops: np.ndarray, config: JudgeConfig, device: torch.device, events: Events
) -> tuple[nn.Module, dict[str, Any]]:
    seed = config.seed + OTHER_SEED
    training = TrainConfig(
        crowd=False, steps=config.steps, seed=seed, size=config.size, identity_vectors="augmented"
    )
    torch.manual_seed(seed)
    trainer = Trainer(snapshot, crops, ExpressionJudge(config.size), None, training, device)
    events.stage("expression", trainer.steps)
    for epoch in range(trainer.epochs):
        trainer.epoch(epoch, events.progress)
    report = trainer.validate()
    return trainer.network, {"learnt_from": "triplets", "triplet_accuracy": headline(report)}


def _from_labels(
    crops: np.ndarray,
    labels: np.ndarray,
    config: JudgeConfig,
    seed: int,
    device: torch.device,
    events: Events,
    stage: str,
) -> tuple[nn.Module, float]:
    torch.manual_seed(seed)
    trunk = JudgeTrunk(config.size)
    learning = replace(IdentityConfig(), epochs=config.epochs)
    events.stage(stage, learning.epochs * -(-len(learnable(labels)) // learning.faces_per_step))
    half = half_precision("auto", device)
    right = learn_labels(trunk, crops, labels, learning, seed, events, device, stage=stage, half=half)
    return trunk, right


def save_judges(folder: Path, judges: Judges) -> None:
    """Write the judges; what says that they are there comes last."""
    folder.mkdir(parents=True, exist_ok=True)
    save_tensors(folder / EXPRESSION, judges.expression.state_dict())
    save_tensors(folder / IDENTITY, judges.identity.state_dict())
    replace_text(folder / ABOUT, json.dumps(judges.about, indent=2) + "\n")


def load_judges(folder: Path, device: torch.device) -> Judges:
    """The judges in `folder`. Raises CheckpointError."""
    path = folder / ABOUT
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        if about["format"] != FORMAT:
            raise CheckpointError(f"{path}: format {about['format']}, but this program reads {FORMAT}")
        size, from_triplets = about["size"], about["expression"]["learnt_from"] == "triplets"
    except FileNotFoundError:
        raise CheckpointError(f"{folder} holds no judges: it has no {ABOUT}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: not a description of judges ({error})") from None
    expression: nn.Module = ExpressionJudge(size) if from_triplets else JudgeTrunk(size)
    identity = JudgeTrunk(size)
    expression.load_state_dict(load_tensors(folder / EXPRESSION))
    identity.load_state_dict(load_tensors(folder / IDENTITY))
    return Judges(frozen(expression).to(device), frozen(identity).to(device), about, device)
