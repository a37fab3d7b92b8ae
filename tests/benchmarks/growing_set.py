"""A campaign among the rendered development set's faces: its groups, drawn or proposed, and its tournaments.

Annotators are simulated: they know the truth with noise (tests/model/ictfec_tournaments.py).
"""

import csv
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from annotate.tournament.grouping import draw_candidates
from annotate.tournament.proposing import Choices, fitted_temperature, margins, propose, worth
from tests.model.ictfec_tournaments import ANNOTATORS, known_expressions, relations

K = 16
WEIGHT = "0.8"
RATERS = 6


@dataclass(frozen=True)
class Group:
    """Faces by their row in faces.csv. `is_random`: drawn as a campaign draws, whatever the network says."""

    anchor: int
    positives: list[int]
    negatives: list[int]
    is_random: bool


class GrowingSet:
    """The train faces and what groups their strong triplets allow."""

    def __init__(self, source: Path, snapshot: Path) -> None:
        with (snapshot / "faces.csv").open(newline="", encoding="utf-8") as file:
            faces = list(csv.DictReader(file))
        self.names = [row["image"].removesuffix(".jpg") for row in faces]
        self.person = [row["identity"] for row in faces]
        known = known_expressions(source)
        self.truth = np.stack([known[name] for name in self.names])
        train = [row["split"] == "train" for row in faces]
        self.choices = self._choices(snapshot, np.array(train))
        self.unseen = self._unseen(source)

    def _choices(self, snapshot: Path, train: np.ndarray) -> Choices:
        row_of = {name: row for row, name in enumerate(self.names)}
        with (snapshot / "triplets.csv").open(newline="", encoding="utf-8") as file:
            strong = [
                (
                    *(row_of[row[f"{corner}_image"].removesuffix(".jpg")] for corner in CORNERS),
                    int(row["votes_for"]) - int(row["votes_against"]),
                )
                for row in csv.DictReader(file)
                if row["strength"] == "strong"
            ]
        one, other, odd, ahead = np.array(strong).T
        number = np.arange(len(one))
        here = np.tile(train[one], 2)
        return Choices.of_rows(
            np.concatenate([one, other])[here],
            np.concatenate([other, one])[here],
            np.tile(odd, 2)[here],
            np.tile(number, 2)[here],
            np.tile(np.clip(ahead / RATERS, 0, 1), 2)[here],
            k=K,
        )

    def _unseen(self, source: Path) -> list[tuple[int, list[int]]]:
        """Anchors of people that no network is trained on, each with its candidates (groups.csv)."""
        row_of = {name: row for row, name in enumerate(self.names)}
        groups: dict[int, list[int]] = {}
        with (source / "groups.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["split"] == "val":
                    anchor, positive = (row_of[Path(row[side]).stem] for side in ("anchor", "positive"))
                    groups.setdefault(anchor, []).append(positive)
        return list(groups.items())

    def order(self, vectors: np.ndarray) -> float:
        """Which share of the pairs of candidates of those groups these vectors (F, D) put in true order."""
        right = []
        for anchor, candidates in self.unseen:
            away, true = (np.linalg.norm(of[candidates] - of[anchor], axis=1) for of in (vectors, self.truth))
            low, high = np.triu_indices(len(candidates), 1)
            right.append((away[low] < away[high]) == (true[low] < true[high]))
        return float(np.concatenate(right).mean())

    def without(self, anchors: set[int]) -> Choices:
        """What is left when these are in groups already."""
        whole = self.choices
        kept = ~np.isin(whole.anchors, list(anchors))[whole.place]
        return Choices.of_rows(
            whole.anchors[whole.place][kept],
            whole.positive[kept],
            whole.negative[kept],
            whole.triplet[kept],
            whole.agreement[kept],
            k=K,
        )

    def drawn(self, count: int, taken: set[int], rng: random.Random) -> list[Group]:
        """As a campaign draws its groups."""
        choices = self.without(taken)
        groups: list[Group] = []
        for place in rng.sample(range(len(choices.anchors)), len(choices.anchors)):
            rows = np.arange(choices.start[place], choices.start[place + 1])
            pairs = draw_candidates(int(choices.anchors[place]), choices.pairs(rows), K, rng)
            if pairs is not None and len(groups) < count:
                sides = [pair.positive for pair in pairs], [pair.negative for pair in pairs]
                groups.append(Group(int(choices.anchors[place]), *sides, is_random=True))
        return groups

    def proposed(
        self, embeddings: np.ndarray, count: int, random_share: float, taken: set[int], rng: random.Random
    ) -> list[Group]:
        """A share drawn, the others proposed by the network that gave these embeddings (F, 16)."""
        drawn = self.drawn(round(count * random_share), taken, rng)
        choices = self.without(taken | {group.anchor for group in drawn})
        near, far = margins(embeddings, choices)
        value = worth(choices, near, far, fitted_temperature(far - near, choices.agreement))
        person = [self.person[anchor] for anchor in choices.anchors]
        proposed = [
            Group(
                one.anchor,
                [pair.positive for pair in one.candidates],
                [pair.negative for pair in one.candidates],
                is_random=False,
            )
            for one in propose(choices, value, K, count - len(drawn), rng, person=person)
        ]
        return drawn + proposed

    def play(self, groups: list[Group], rng: np.random.Generator) -> tuple[list[dict], list[dict], list]:
        """One bracket each: triplets and answers as snapshots have them, and (group, winner, loser) of every
        answer."""
        triplets: list[dict] = []
        answers: list[dict] = []
        said: list[tuple[Group, int, int]] = []
        for group in groups:
            away = np.linalg.norm(self.truth[group.positives] - self.truth[group.anchor], axis=1).tolist()
            same = {"anchor": self.names[group.anchor], "weight": WEIGHT, "group": self.names[group.anchor]}
            for better, worse, direct in relations(away, rng):
                names = same | {"positive": self.names[group.positives[better]]}
                loser = self.names[group.positives[worse]]
                triplets.append(
                    names | {"negative": loser, "source": "direct" if direct else "inferred", "repetition": 1}
                )
                if direct:
                    who = f"user:{int(rng.integers(ANNOTATORS))}"
                    answers.append(
                        {"triplet": len(triplets), "annotator": who, "answer": "negative", "weight": WEIGHT}
                    )
                    said.append((group, group.positives[better], group.positives[worse]))
                negative = self.names[group.negatives[worse]]
                triplets.append(names | {"negative": negative, "source": "inferred"})
        return triplets, answers, said

    def right(self, said: list[tuple[Group, int, int]]) -> list[bool]:
        """Whether each answer is the truth."""
        return self.agrees(said, self.truth)

    def agrees(self, said: list[tuple[Group, int, int]], vectors: np.ndarray) -> list[bool]:
        """Whether these vectors (F, D) put each answer's winner nearer to the anchor."""
        return [
            bool(
                np.linalg.norm(vectors[winner] - vectors[group.anchor])
                < np.linalg.norm(vectors[loser] - vectors[group.anchor])
            )
            for group, winner, loser in said
        ]


CORNERS = ("anchor", "positive", "negative")
