"""A campaign that grows: fine-tuning against training anew, and proposed groups against drawn ones.

python -m tests.benchmarks.growth --output DIR [--seeds N --steps N]

Goes on where it was interrupted. Each seed has a network that knows the imported triplets only (base). From
it on, after every step's new answers, each arm fine-tunes its last network with replay: `drawn` on groups
that are drawn at random, `proposed` on as many that its network proposes (a fifth of them drawn at random
all the same), `idle` as long on nothing new. `anew` is trained from scratch on all that `drawn` has by then.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from tests.benchmarks.growing_set import GrowingSet
from tests.benchmarks.growth_table import table
from tests.model.ictfec import build
from tests.model.snapshots import grow_snapshot

ARMS = ("drawn", "proposed", "idle")
CELL, ORDER = "cell.json", "order.json"


class Growth:
    """One seed's networks, each in a folder of its own below `folder`."""

    def __init__(self, options: argparse.Namespace, seed: int) -> None:
        self.options, self.seed = options, seed
        self.base_snapshot = options.output / "base-snapshot"
        self.folder = options.output / f"seed-{seed}"
        self.world = GrowingSet(options.source, self.base_snapshot)

    def run(self) -> None:
        """The arms step by step, so that there are comparable figures early; then what is trained anew."""
        self.cell("base", self.base_snapshot, ["--steps", self.options.base_steps])
        for step in range(1, self.options.growth + 1):
            for arm in ARMS:
                self.step(arm, step)
        for step in sorted(range(1, self.options.growth + 1), key=lambda step: (-(step % 2), -step)):
            self.cell(f"anew-{step}", self.snapshot("drawn", step), ["--steps", self.options.base_steps])

    def snapshot(self, arm: str, step: int) -> Path:
        return self.folder / f"{arm}-{step}-snapshot" if step and arm != "idle" else self.base_snapshot

    def network(self, arm: str, step: int) -> Path:
        return self.folder / (f"{arm}-{step}" if step else "base") / "network"

    def step(self, arm: str, step: int) -> None:
        """What this arm's network learns of a step's new answers."""
        parent, earlier = self.network(arm, step - 1), self.snapshot(arm, step - 1)
        more = ["--from", parent, "--steps", self.options.steps]
        if self.options.rate:
            more += ["--rate", self.options.rate]
        found = {}
        if arm != "idle":
            found = self._grown(arm, step, parent, earlier)
            more += ["--earlier", earlier, "--replay", self.options.replay]
        self.cell(f"{arm}-{step}", self.snapshot(arm, step), more, **found)

    def _grown(self, arm: str, step: int, parent: Path, earlier: Path) -> dict:
        """Groups are made and played, unless they are there; what the answers were like."""
        note = self.folder / f"{arm}-{step}.json"
        if note.exists():
            return json.loads(note.read_text())
        taken = set()
        if step > 1:
            taken = set(json.loads((self.folder / f"{arm}-{step - 1}.json").read_text())["anchors"])
        rng = random.Random(f"{self.seed}:{arm}:{step}")
        embeddings = self._embeddings(parent)
        if arm == "drawn":
            groups = self.world.drawn(self.options.groups, taken, rng)
        else:
            share = self.options.random_share
            groups = self.world.proposed(embeddings, self.options.groups, share, taken, rng)
        triplets, answers, said = self.world.play(groups, np.random.default_rng([self.seed, step]))
        folder = self.snapshot(arm, step)
        grow_snapshot(earlier, folder, triplets, answers, "ictfec")
        right, agrees = self.world.right(said), self.world.agrees(said, embeddings)
        found = {
            "anchors": sorted(taken | {group.anchor for group in groups}),
            "groups": len(groups),
            "answers": len(said),
            "triplets": len(triplets),
            "right": float(np.mean(right)),
            "slices": {
                name: [
                    [bool(r), bool(a)]
                    for (group, *_), r, a in zip(said, right, agrees, strict=True)
                    if group.is_random == is_random
                ]
                for name, is_random in (("random", True), ("proposed", False))
            },
        }
        note.write_text(json.dumps(found))
        return found

    def _embeddings(self, network: Path) -> np.ndarray:
        """(F, 16) of all faces by this network, in the order of faces.csv."""
        path = network.parent / "embeddings.npy"
        if not path.exists():
            self._model("embed", "--checkpoint", network, "--snapshot", self.base_snapshot, "--output", path)
        names = path.with_name(f"{path.name}.names.txt").read_text().split()
        assert [name.split(":")[-1].removesuffix(".jpg") for name in names] == self.world.names
        return np.load(path)

    def cell(self, name: str, snapshot: Path, more: list, **found: object) -> None:
        """One training, unless it is there: its accuracy, its CPU seconds, and how it orders candidates."""
        folder = self.folder / name
        if not (folder / CELL).exists():
            self._train(folder, snapshot, more, found)
        if not (folder / ORDER).exists():
            order = self.world.order(self._embeddings(folder / "network"))
            (folder / ORDER).write_text(json.dumps(order))

    def _train(self, folder: Path, snapshot: Path, more: list, found: dict) -> None:
        folder.mkdir(exist_ok=True)
        shared = self.options.output
        began = time.monotonic()
        cpu = self._model(
            "train", "--snapshot", snapshot, "--output", folder / "network", "--seed", self.seed,
            "--identity-weights", shared / f"identity-{self.seed}", "--keep-crops", shared / "crops.npy",
            "--events", folder / "events.jsonl", *more, "--resume",
        )  # fmt: skip
        report = json.loads((folder / "network" / "config.json").read_text())["report"]
        events = map(json.loads, (folder / "events.jsonl").read_text().splitlines())
        steps = max(e["steps"] for e in events if e["event"] == "stage" and e["stage"] == "train")
        found = {key: value for key, value in found.items() if key != "anchors"}
        cell = {"report": report, "cpu": cpu, "seconds": time.monotonic() - began, "steps": steps, **found}
        (folder / CELL).write_text(json.dumps(cell, indent=1))
        strong = report["strong"]["accuracy"]["mean"]
        print(f"seed {self.seed} {folder.name}: {strong:.4f}, {steps} steps, {cpu:.0f} CPU s", flush=True)

    def identity(self) -> None:
        folder = self.options.output / f"identity-{self.seed}"
        if not (folder / "identity.json").exists():
            self._model(
                "pretrain-identity", "--snapshot", self.base_snapshot, "--output", folder,
                "--seed", self.seed, "--events", folder.with_suffix(".jsonl"),
            )  # fmt: skip

    def _model(self, command: str, *arguments: object) -> float:
        """Run `python -m model`, and give the CPU seconds that it took."""
        line = [sys.executable, "-m", "model", command, *map(str, arguments), "--threads", "1"]
        with (self.folder / "progress.log").open("a") as log:
            process = subprocess.Popen(line, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(line)} ended with {process.returncode}")
        return usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    option = parser.add_argument
    option("--output", type=Path, required=True)
    option("--source", type=Path, default=Path("../shared/data/ictfec"))
    option("--seeds", type=int, default=1)
    option("--imported", type=int, default=20_000, help="train triplets of the data set, read from its file")
    option("--growth", type=int, default=5, help="how often new answers come")
    option("--groups", type=int, default=32, help="of 16 candidates, one bracket each: 64 triplets a group")
    option("--steps", type=int, default=60, help="of each fine-tuning")
    option("--base-steps", type=int, default=240, help="of the base and of each training anew")
    option("--rate", type=float, help="of fine-tuning (default: that of training)")
    option("--replay", type=float, default=0.5)
    option("--random-share", type=float, default=0.2)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    base = options.output / "base-snapshot"
    if not base.exists():
        build(options.source, options.output / "making", most=options.imported).rename(base)
    for seed in range(options.seeds):
        growth = Growth(options, seed)
        growth.folder.mkdir(exist_ok=True)
        growth.identity()
        growth.run()
    text = table(options.output)
    (options.output / "growth.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
