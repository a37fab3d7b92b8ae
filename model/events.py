"""What a run tells whoever launched it: one JSON object a line, and a progress bar for people.

The shapes of the events are listed in `Events`; what they mean to a page is the launcher's business.
"""

import json
import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import torch
from tqdm import tqdm

from model.gpu import Gauge

# Progress is written at most this often, in seconds.
INTERVAL = 0.5


class Events:
    """Writes events to a file (appending), or to standard output; each is flushed at once.

    Every event has "event" and "time" (Unix seconds). By kind:
    start: snapshot, faces, train_faces, val_faces, triplets, val_triplets, annotators, device, environment
    (see environment.environment), notes
    stage: stage ("crops", "identity", "identity_vectors", "train", "embed", "map", "measure",
        "retrain"), steps
    progress: stage, step, steps, images_per_second (since the stage began), and where there is one: loss,
        rate (the step's learning rate), gpu (gpu.Load of the first process's card)
    epoch: stage, epoch, epochs, loss, seconds; of "train" also step, train_accuracy, report (as evaluate's)
        of manipulation: terms (each of the losses), report (as manipulation.trainer's validate gives it)
    done: checkpoint, epochs, seconds, report
    failed: reason
    row: row, seed: an ablation goes on with this run
    """

    def __init__(self, path: Path | None = None, *, silent: bool = False) -> None:
        """`silent`: nobody is told anything, as by all processes of a run but its first."""
        if silent:
            path = Path(os.devnull)
        self._silent = silent
        self._file: IO[str] = sys.stdout if path is None else path.open("a", encoding="utf-8")
        self._bar: tqdm | None = None
        self._last = 0.0
        self._gauge: Gauge | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close_bar()
        if self._file is not sys.stdout:
            self._file.close()

    def watch(self, device: torch.device) -> None:
        """From now on progress tells this device's load too."""
        self._gauge = Gauge(device)

    def emit(self, event: str, **values: Any) -> None:
        """Write one event."""
        line = json.dumps({"event": event, "time": round(time.time(), 3), **values})
        self._file.write(line + "\n")
        self._file.flush()

    def stage(self, stage: str, steps: int, done: int = 0) -> None:
        """Begin a stage of so many steps, of which an earlier process has done some."""
        self._close_bar()
        self.emit("stage", stage=stage, steps=steps)
        name = stage.replace("_", " ")
        self._bar = tqdm(
            total=steps, initial=done, desc=name, file=sys.stderr, mininterval=INTERVAL, disable=self._silent
        )
        self._stage, self._steps, self._step, self._images = stage, steps, done, 0
        self._began = time.monotonic()

    def progress(
        self, step: int, images: int | None = None, loss: float | None = None, rate: float | None = None
    ) -> None:
        """`step` steps of the stage are done; the last took `images` images (None: one a step)."""
        now = time.monotonic()
        self._images += step - self._step if images is None else images
        self._step = step
        if self._bar is not None:
            self._bar.update(step - self._bar.n)
            if loss is not None:
                self._bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
        if step < self._steps and now - self._last < INTERVAL:
            return
        self._last = now
        self.emit(
            "progress",
            stage=self._stage,
            step=step,
            steps=self._steps,
            loss=loss,
            rate=rate,
            images_per_second=round(self._images / max(now - self._began, 1e-9), 1),
            gpu=self._gauge.load() if self._gauge and not self._silent else None,
        )

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
