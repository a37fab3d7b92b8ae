"""What may be set of a run of face manipulation, and how `python -m model manipulate train` is told.

Its own defaults are that command's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

from annotate.training.models import RunKind
from annotate.training.run_config import BadSetting, check_number

# Lowest and highest value of each number.
LIMITS: dict[str, tuple[float, float]] = {
    "size": (32, 512),
    "steps": (1, 10_000_000),
    "seed": (0, 2**31 - 1),
    "rate": (1e-8, 1.0),
    "faces_per_step": (2, 4_096),
    "hold_out": (0.0, 0.9),
}
FRACTIONS = {"rate", "hold_out"}
# The networks halve a picture's side four times.
SIZE_STEP = 16


@dataclass(frozen=True)
class ManipulationConfig:
    """The settings of one run, as model.manipulation explains them."""

    kind: ClassVar[RunKind] = RunKind.MANIPULATION

    size: int = 64
    steps: int = 4_000
    seed: int = 0
    rate: float = 5e-4
    faces_per_step: int = 16
    hold_out: float = 0.2

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Raises BadSetting for one that is unknown, of the wrong type or out of range."""
        known = {field.name for field in fields(cls)}
        for name, value in values.items():
            if name not in known:
                raise BadSetting(name, "there is no such setting")
            check_number(name, value, LIMITS[name], whole=name not in FRACTIONS)
        config = cls(**values)
        if config.size % SIZE_STEP:
            raise BadSetting("size", f"{config.size} is no multiple of {SIZE_STEP}")
        return config

    @property
    def pace_key(self) -> tuple[object, ...]:
        """What makes a step of the same number of faces take as long as another run's."""
        return (self.size,)

    def faces_of_step(self, train_faces: int) -> int:
        """How many faces a step takes of so many: some are taken twice where there are few."""
        return self.faces_per_step

    def as_json(self) -> dict[str, Any]:
        """All settings, so that a stored run says what it was given."""
        return asdict(self)

    def arguments(self) -> list[str]:
        """As `python -m model manipulate train` takes them."""
        named = ((f"--{name.replace('_', '-')}", str(value)) for name, value in asdict(self).items())
        return [part for pair in named for part in pair]
