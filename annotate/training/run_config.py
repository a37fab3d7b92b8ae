"""What may be set of a run, and how `python -m model train` is told. Its own defaults are that command's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

BACKBONES = ("small", "facenet")
IDENTITY_VECTORS = ("clean", "augmented")
# Lowest and highest value of each number.
LIMITS: dict[str, tuple[float, float]] = {
    "order": (1, 5),
    "epochs": (1, 100_000),
    "seed": (0, 2**31 - 1),
    "rate": (1e-8, 1.0),
    "faces_per_step": (3, 100_000),
    "triplets_per_step": (1, 1_000_000),
    "hold_out": (0.0, 0.9),
}
CHOICES = {"backbone": BACKBONES, "identity_vectors": IDENTITY_VECTORS}


@dataclass(frozen=True)
class RunConfig:
    """The settings of one run. None leaves it to the command: what suits the snapshot and the backbone."""

    backbone: str = "small"
    order: int = 3
    epochs: int | None = None
    crowd: bool = True
    seed: int = 0
    rate: float | None = None
    faces_per_step: int | None = None
    triplets_per_step: int | None = None
    tournament_two_terms: bool = True
    normalize_vectors: bool = False
    identity_vectors: str = "clean"
    hold_out: float = 0.2

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Raises ValueError, naming the field, for one that is unknown, of the wrong type or out of range."""
        known = {field.name: field.default for field in fields(cls)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"{name}: there is no such setting")
            _check(name, value, known[name])
        return cls(**values)

    def as_json(self) -> dict[str, Any]:
        """All settings, so that a stored run says what it was given."""
        return asdict(self)

    def arguments(self) -> list[str]:
        """As `python -m model train` takes them."""
        given = {
            "--backbone": self.backbone,
            "--order": self.order,
            "--epochs": self.epochs,
            "--seed": self.seed,
            "--rate": self.rate,
            "--faces-per-step": self.faces_per_step,
            "--triplets-per-step": self.triplets_per_step,
            "--identity-vectors": self.identity_vectors,
            "--hold-out": self.hold_out,
        }
        flags = {
            "--no-crowd": not self.crowd,
            "--first-term-only": not self.tournament_two_terms,
            "--normalize-vectors": self.normalize_vectors,
        }
        valued = [part for name, value in given.items() if value is not None for part in (name, str(value))]
        return valued + [name for name, is_set in flags.items() if is_set]


def _check(name: str, value: object, default: object) -> None:
    if name in CHOICES:
        if value not in CHOICES[name]:
            raise ValueError(f"{name}: {value!r} is none of {', '.join(CHOICES[name])}")
    elif isinstance(default, bool):
        if not isinstance(value, bool):
            raise ValueError(f"{name}: {value!r} is neither true nor false")
    elif value is None and default is None:
        return
    else:
        whole = name not in ("rate", "hold_out")
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            raise ValueError(f"{name}: {value!r} is not a {'whole ' if whole else ''}number")
        low, high = LIMITS[name]
        if not low <= value <= high:
            raise ValueError(f"{name}: {value} is not between {low:g} and {high:g}")
