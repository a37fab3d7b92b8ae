"""What may be set of a run, and how `python -m model train` is told. Its own defaults are that command's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

from annotate.training.models import RunKind

CHOICES: dict[str, tuple[str, ...]] = {
    "backbone": ("small", "facenet"),
    "identity_vectors": ("clean", "augmented"),
    "precision": ("auto", "float32", "bf16"),
}
# Lowest and highest value of each number.
LIMITS: dict[str, tuple[float, float]] = {
    "size": (32, 224),
    "order": (1, 5),
    "epochs": (1, 100_000),
    "steps": (1, 100_000_000),
    "seed": (0, 2**31 - 1),
    "rate": (1e-8, 1.0),
    "faces_per_step": (3, 100_000),
    "triplets_per_step": (1, 1_000_000),
    "crowd_pull": (0.0, 1_000.0),
    "imported_share": (0.0, 1.0),
    "replay": (0.0, 0.95),
    "patience": (1, 100_000),
    "hold_out": (0.0, 0.9),
}
FRACTIONS = {"rate", "crowd_pull", "imported_share", "replay", "hold_out"}
# What makes the network another one: whoever starts from a version takes over its.
NETWORK = ("backbone", "size", "order", "normalize_vectors")
OPTIONAL = {"size", "epochs", "steps", "imported_share", "replay", "patience"}
# Side in px that a backbone sees unless told otherwise.
DEFAULT_SIZE = {"small": 64, "facenet": 160}
# Below this a backbone's feature maps vanish.
SMALLEST_SIZE = {"small": 32, "facenet": 75}
# Of these, runs that were stored before each default was written out hold None.
_ONCE_LEFT_OPEN = ("rate", "faces_per_step", "triplets_per_step")


class BadSetting(ValueError):
    """A run can not be had with this; `field` says what is to be put right, `reason` why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


@dataclass(frozen=True)
class RunConfig:
    """The settings of one run, as model.train_config.TrainConfig explains them.

    None means: the backbone's own `size`; enough `epochs` for so many `steps`, or for 2,000 and at least 10
    where that is None, too; triplets mixed as they are (`imported_share`, and new ones with those that the
    parent was trained on, `replay`); no early stop (`patience`).
    """

    kind: ClassVar[RunKind] = RunKind.EMBEDDING

    backbone: str = "small"
    size: int | None = None
    order: int = 3
    epochs: int | None = None
    steps: int | None = None
    crowd: bool = True
    crowd_centred: bool = True
    crowd_pull: float = 0.0
    seed: int = 0
    rate: float = 3e-3
    faces_per_step: int = 640
    triplets_per_step: int = 2560
    imported_share: float | None = None
    replay: float | None = 0.9
    patience: int | None = None
    tournament_two_terms: bool = True
    normalize_vectors: bool = False
    identity_vectors: str = "clean"
    precision: str = "auto"
    hold_out: float = 0.2

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Raises BadSetting for one that is unknown, of the wrong type or out of range."""
        known = {field.name: field.default for field in fields(cls)}
        given = {n: v for n, v in values.items() if v is not None or n not in _ONCE_LEFT_OPEN}
        for name, value in given.items():
            if name not in known:
                raise BadSetting(name, "there is no such setting")
            if name in CHOICES:
                check_choice(name, value, CHOICES[name])
            elif isinstance(known[name], bool):
                check_switch(name, value)
            elif value is not None or name not in OPTIONAL:
                check_number(name, value, LIMITS[name], whole=name not in FRACTIONS)
        config = cls(**given)
        if config.epochs is not None and config.steps is not None:
            raise BadSetting("steps", "give epochs or steps, not both")
        if config.size is not None and config.size < SMALLEST_SIZE[config.backbone]:
            least = SMALLEST_SIZE[config.backbone]
            raise BadSetting("size", f"{config.backbone} needs pictures of at least {least} px")
        return config

    @property
    def side(self) -> int:
        """Of the pictures that the network sees, in px."""
        return self.size or DEFAULT_SIZE[self.backbone]

    @property
    def pace_key(self) -> tuple[object, ...]:
        """What makes a step of the same number of faces take as long as another run's."""
        return self.backbone, self.side

    def faces_of_step(self, train_faces: int) -> int:
        """How many faces a step takes of so many."""
        return min(self.faces_per_step, train_faces)

    def as_json(self) -> dict[str, Any]:
        """All settings, so that a stored run says what it was given."""
        return asdict(self)

    def arguments(self, *, of_parent: bool = False) -> list[str]:
        """As `python -m model train` takes them; `of_parent`: the network is its parent's."""
        given = {
            "--backbone": self.backbone,
            "--size": self.size,
            "--order": self.order,
            "--epochs": self.epochs,
            "--steps": self.steps,
            "--crowd-pull": self.crowd_pull,
            "--seed": self.seed,
            "--rate": self.rate,
            "--faces-per-step": self.faces_per_step,
            "--triplets-per-step": self.triplets_per_step,
            "--imported-share": self.imported_share,
            "--replay": self.replay,
            "--patience": self.patience,
            "--identity-vectors": self.identity_vectors,
            "--precision": self.precision,
            "--hold-out": self.hold_out,
        }
        flags = {
            "--no-crowd": not self.crowd,
            "--free-crowd": not self.crowd_centred,
            "--first-term-only": not self.tournament_two_terms,
            "--normalize-vectors": self.normalize_vectors,
        }
        if of_parent:
            for name in NETWORK:
                given.pop(f"--{name}", None)
            del flags["--normalize-vectors"]
        valued = [part for name, value in given.items() if value is not None for part in (name, str(value))]
        return valued + [name for name, is_set in flags.items() if is_set]


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raises BadSetting where it is none of these."""
    if value not in choices:
        raise BadSetting(name, f"{value!r} is none of {', '.join(choices)}")


def check_switch(name: str, value: object) -> None:
    """Raises BadSetting where it is neither on nor off."""
    if not isinstance(value, bool):
        raise BadSetting(name, f"{value!r} is neither true nor false")


def check_number(name: str, value: object, limits: tuple[float, float], *, whole: bool) -> None:
    """Raises BadSetting where it is no such number, or out of its limits."""
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        raise BadSetting(name, f"{value!r} is not a {'whole ' if whole else ''}number")
    low, high = limits
    if not low <= value <= high:
        raise BadSetting(name, f"{value} is not between {low:g} and {high:g}")
