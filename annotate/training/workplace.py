"""Where one run is worked on: its files, its GPUs, who is told of it; and how a command of the network is run
there to its end. What is run is each kind's own business.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from annotate.training.process import ModelProcess, said_in
from annotate.training.run_files import RunFiles
from annotate.training.watch import BEAT_SECONDS, Watch


class Failed(Exception):
    """The run can not go on; the message is for the admin."""


class Killed(Exception):
    """A process of the network was killed from outside; the message is for the admin."""


@dataclass(frozen=True)
class Workplace:
    """Where one run is worked on: its files, the GPUs that are its own meanwhile, who is told of it."""

    watch: Watch
    files: RunFiles
    gpus: list[str]

    @property
    def processes(self) -> int:
        """How many train together: one a GPU, or as the settings say."""
        return settings.TRAINING_PROCESSES or max(len(self.gpus), 1)

    def train(self, arguments: list[str], processes: int = 1) -> None:
        """Run what trains to its end, as `run`; what it emits goes to whoever watches."""

        def on_line(line: str) -> None:
            event = said_in(line)
            if event.get("event") == "failed":
                self.watch.tell_all()
                raise Failed(event.get("reason") or "The training failed and said nothing.")
            if event.get("event") == "done":
                self.files.note_trained()
            self.watch.hear(event)

        self.watch.enter_stage("reading")
        self.run(arguments, on_line, processes=processes)
        self.files.note_trained()

    def figures(self, arguments: list[str], stage: str = "evaluating") -> dict[str, Any]:
        """What a command that measures prints last, a JSON object. Raises Failed where that is none.

        Where it tells how far it is, its own stages are told behind this one's name.
        """
        lines: list[str] = []

        def on_line(line: str) -> None:
            lines.append(line)
            event = said_in(line)
            if "stage" in event:
                self.watch.hear(event | {"stage": f"{stage} {event['stage']}"})

        self.watch.enter_stage(stage)
        self.run(arguments, on_line)
        found = said_in(lines[-1]) if lines else {}
        if not found:
            raise Failed("The evaluation ended well but printed no figures; the log says more.")
        return found

    def run(self, arguments: list[str], on_line: Callable[[str], object], processes: int = 1) -> None:
        """Run one command of the network to its end. Raises Failed, Killed, Stopped; none runs on then."""
        process = ModelProcess(arguments, log=self.files.log, gpus=self.gpus or None, processes=processes)
        with process:
            while process.returncode is None:
                for line in process.read_lines(BEAT_SECONDS):
                    on_line(line)
                self.watch.beat()
            # Points that a curve would lack for ever: whoever goes on begins behind them.
            self.watch.tell_all()
            if process.was_killed:
                raise Killed(process.reason())
            if process.returncode:
                raise Failed(process.reason())
