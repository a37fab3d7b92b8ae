"""How busy a GPU is, for people who watch a training. Nothing is computed here."""

from __future__ import annotations

from typing import TypedDict

import torch


class Load(TypedDict):
    """Of the whole card, whoever uses it: bytes in use, bytes there are, percent of the time at work."""

    memory: int
    memory_total: int
    use: int | None


class Gauge:
    """Reads one device's load."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._tells_use = True

    def load(self) -> Load | None:
        """None where it is no GPU. `use` is None where its driver, or nvidia-ml-py, does not tell."""
        if self._device.type != "cuda":
            return None
        free, total = torch.cuda.mem_get_info(self._device)
        return {"memory": total - free, "memory_total": total, "use": self._use()}

    def _use(self) -> int | None:
        if self._tells_use:
            try:
                return torch.cuda.utilization(self._device)
            # The package may be missing, the driver's library too, and some cards (MIG, AMD) refuse: each
            # with an error of its own, and none of them is worth a training.
            except Exception:
                self._tells_use = False
        return None
