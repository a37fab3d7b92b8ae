"""Batches: what one costs as triplets pile up, and how many triplets a pass over a face carries.

Beside the sampler runs the plain one that it replaced: it looks at all triplets eight times a batch.
"""

import csv
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from config.environment import BASE_DIR
from model.sampler import Batch, BatchSampler

pytestmark = pytest.mark.benchmark
RENDERED = BASE_DIR.parent / "shared" / "data" / "ictfec" / "triplets-train.csv"
LIMITS = {"faces": 640, "triplets": 2560}


class PlainSampler:
    """The same batches by looking at everything."""

    def __init__(self, members, rows, *, faces, triplets):
        self.members, self.count, self.faces, self.triplets = members, members.max() + 1, faces, triplets
        self.there = np.isin(np.arange(self.count), members)

    def epoch(self, rng):
        used = rng.random(len(self.members))
        while True:
            inside = np.flatnonzero(self.grown(used, rng)[self.members].all(axis=1))
            drawn = inside[np.argsort(used[inside])[: self.triplets]]
            used[drawn] += 1
            yield Batch(np.unique(self.members[drawn]), drawn)

    def grown(self, used, rng):
        chosen = np.zeros(self.count, dtype=bool)
        seeds = self.faces // 9
        chosen[self.members[np.argpartition(used, seeds)[:seeds]]] = True
        for round_ in range(8):
            wanted = -(-(self.faces - chosen.sum()) // (8 - round_))
            inside = chosen[self.members]
            completing = inside.sum(axis=1) == 2
            missing = self.members[completing][~inside[completing]]
            completed = np.bincount(missing, minlength=self.count) + 0.5 * rng.random(self.count)
            completed[chosen | ~self.there] = -1
            chosen[np.argpartition(-completed, wanted)[:wanted]] = True
        return chosen


def triplets(count, faces, spread=0.0):
    """Random ones; `spread` is the standard deviation of the logarithm of how often a face is in one."""
    rng = np.random.default_rng(0)
    chance = np.cumsum(np.exp(spread * rng.standard_normal(faces)))
    drawn = np.searchsorted(chance, rng.random((count + count // 8, 3)) * chance[-1]).astype(np.int32)
    one, two, three = drawn.T
    return drawn[(one != two) & (two != three) & (one != three)][:count]


def grouped(count, faces, size=33, each=100):
    """As tournaments give them: `each` triplets among `size` faces, then the next ones."""
    rng = np.random.default_rng(0)
    groups = rng.integers(0, faces, (count // each, size)).astype(np.int32)
    places = np.argsort(rng.random((count, size)), axis=1)[:, :3]
    members = groups[(np.arange(count) // each)[:, None], places]
    one, two, three = members.T
    return members[(one != two) & (two != three) & (one != three)]


def measured(batches, count):
    """CPU ms a batch, triplets a face pass, and different triplets a face pass, over `count` batches."""
    next(batches)  # sorts what the epoch needs
    start = time.process_time()
    drawn = [batch for _, batch in zip(range(count), batches, strict=False)]
    took = time.process_time() - start
    passes = sum(len(batch.faces) for batch in drawn)
    every = np.concatenate([batch.triplets for batch in drawn])
    return took / len(drawn) * 1e3, len(every) / passes, len(np.unique(every)) / passes


def compared(report, name, members, batches, plain_batches):
    sampler = BatchSampler(members, np.arange(len(members)), composition="shared", **LIMITS)
    plain = PlainSampler(members, np.arange(len(members)), **LIMITS)
    new = measured(sampler.epoch(np.random.default_rng(1)), batches)
    old = measured(plain.epoch(np.random.default_rng(1)), plain_batches)
    cells = [
        f"{ms:.1f} ms, {each:.2f} triplets a face, {other:.2f} different" for ms, each, other in (new, old)
    ]
    report(f"{name}, {sampler.steps} steps an epoch: {cells[0]}; looking at everything: {cells[1]}")
    return new, old


def test_a_batch_costs_about_the_same_among_5_million_triplets(report):
    few, _ = compared(report, "40,000 triplets of 1,920 faces", triplets(40_000, 1_920), 15, 15)
    many, _ = compared(report, "5,000,000 of 156,000", triplets(5_000_000, 156_000), 60, 2)
    report(f"a batch among 125 times the triplets: {many[0] / few[0]:.2f} times the CPU time")
    assert many[0] < 3 * few[0]


@pytest.mark.parametrize("spread", [0.0, 1.0, 2.0])
def test_as_sparse_as_fec(report, spread):
    new, old = compared(
        report, f"500,000 of 156,000, spread {spread}", triplets(500_000, 156_000, spread), 40, 40
    )
    assert new[2] > old[2]


def test_in_groups(report):
    new, old = compared(report, "500,000 in groups among 156,000", grouped(500_000, 156_000), 40, 40)
    assert new[2] > 0.95 * old[2]


@pytest.mark.skipif(not RENDERED.is_file(), reason="the rendered development set is not here")
def test_the_rendered_set(report):
    new, old = compared(report, "the rendered set", rendered(RENDERED), 15, 15)
    assert new[1] > 0.95 * old[1]
    assert new[2] > 0.95 * old[2]


def rendered(path: Path):
    numbers: dict[str, int] = {}
    with path.open(newline="", encoding="utf-8") as file:
        rows = [[numbers.setdefault(row[i], len(numbers)) for i in (0, 5, 10)] for row in csv.reader(file)]
    return np.array(rows, dtype=np.int32)


def test_memory(report):
    members, rows = triplets(1_000_000, 156_000), np.arange(1_000_000)
    tracemalloc.start()
    sampler = BatchSampler(members, rows, composition="shared", **LIMITS)
    held, built = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    epoch = sampler.epoch(np.random.default_rng(0))
    next(epoch)
    during, sorting = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    report(
        f"bytes a triplet, beside the rows: {held / 1e6:.0f} held ({built / 1e6:.0f} while built), "
        f"{during / 1e6:.0f} during an epoch ({sorting / 1e6:.0f} while it begins)"
    )
    assert during < 40e6
