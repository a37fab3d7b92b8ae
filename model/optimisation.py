"""Learning rates over a run, which parameters decay, which precision pays. For both things trained here."""

import math
from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import nn

WARM_UP = 20

Precision = Literal["auto", "float32", "bf16"]


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


def half_precision(precision: Precision, device: torch.device) -> bool:
    """Whether to compute in bfloat16: if asked for, or ("auto") if this hardware does so twice as fast."""
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()
