"""Which device to compute on, and with which precision. Knows of hardware only."""

from typing import Literal

import torch

from model.errors import DeviceError

Precision = Literal["auto", "float32", "bf16"]


def chosen_device(name: str | None) -> torch.device:
    """The device named, else the GPU if there is one, else the CPU. Raises DeviceError."""
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise DeviceError(f"{name!r} is no device that can be used here ({reason})") from None
    return device


def half_precision(precision: Precision, device: torch.device) -> bool:
    """Whether to compute in bfloat16: if asked for, or ("auto") if this hardware does so twice as fast."""
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()
