"""Learning rates over a run, and which parameters decay. Shared by both things that are trained here."""

import math
from collections.abc import Iterable
from typing import Any

from torch import nn

WARM_UP = 20


def cosine_rate(peak: float, step: int, steps: int) -> float:
    """The learning rate of a step: up over WARM_UP steps, then down to 0 along half a cosine."""
    warm = min(1.0, (step + 1) / WARM_UP)
    return warm * peak * (0.5 + 0.5 * math.cos(math.pi * min(1.0, step / max(1, steps))))


def parameter_groups(modules: Iterable[nn.Module], weight_decay: float) -> list[dict[str, Any]]:
    """Two groups: matrices and kernels, which decay, and vectors (biases, norms), which do not."""
    learning = [p for module in modules for p in module.parameters() if p.requires_grad]
    return [
        {"params": [p for p in learning if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in learning if p.ndim <= 1], "weight_decay": 0.0},
    ]
