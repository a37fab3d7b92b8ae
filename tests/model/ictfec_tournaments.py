"""Tournaments among the rendered development set's groups, played by simulated annotators.

They know the truth (the faces' e vectors) with noise, so that about four in five answers are right; each
bracket is closed by itself, as the application does, and its relations become triplets.
"""

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np

from annotate.tournament.closure import close
from annotate.tournament.simulator import Verdict, play_bracket

ANNOTATORS = 9
# Of a logistic choice between two distances to the anchor: about 80 % right.
NOISE = 0.07


def tournament_rows(source: Path, weight: str = "0.8", repetitions: int = 3) -> tuple[list[dict], list[dict]]:
    """Triplets (faces by name, all of their group's split) and answers, numbered from 1 within themselves."""
    truth = known_expressions(source)
    groups: dict[str, list[dict]] = defaultdict(list)
    with (source / "groups.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            groups[row["group"]].append(row)
    rng = np.random.default_rng(0)
    triplets: list[dict] = []
    answers: list[dict] = []
    for group, slots in groups.items():
        anchor = Path(slots[0]["anchor"]).stem
        positives, negatives = (
            [Path(slot[side]).stem for slot in slots] for side in ("positive", "negative")
        )
        away = [float(np.linalg.norm(truth[anchor] - truth[name])) for name in positives]
        for repetition in range(repetitions):
            same = {"anchor": anchor, "weight": weight, "group": group}
            for better, worse, direct in relations(away, rng):
                names = same | {"positive": positives[better]}
                who = f"user:{int(rng.integers(ANNOTATORS))}"
                source_ = "direct" if direct else "inferred"
                triplets.append(
                    names | {"negative": positives[worse], "source": source_, "repetition": repetition}
                )
                if direct:
                    said = {"annotator": who, "answer": "negative", "weight": weight}
                    answers.append({"triplet": len(triplets), **said})
                triplets.append(names | {"negative": negatives[worse], "source": "inferred"})
    return triplets, answers


def known_expressions(source: Path) -> dict[str, np.ndarray]:
    """Each picture's e vector (16,), by its name."""
    with (source / "labels.csv").open(newline="", encoding="utf-8") as file:
        return {
            Path(row["image"]).stem: np.array([float(row[f"e{i}"]) for i in range(16)])
            for row in csv.DictReader(file)
        }


def relations(away: list[float], rng: np.random.Generator) -> list[tuple[int, int, bool]]:
    """(winner, loser, whether they met) of one bracket of candidates so far away from the anchor."""

    def ask(low: int, high: int) -> Verdict:
        nearer_low = 1 / (1 + np.exp((away[low] - away[high]) / NOISE))
        return Verdict(low if rng.random() < nearer_low else high, frozenset({0}))

    matches = play_bracket(int(rng.integers(2**31)), len(away), ask)
    return [(one.winner, one.loser, len(one.chain) == 1) for one in close(matches)]
