"""Simulated raters, who judge drawn faces by their expression vectors, and the triplets that they answer,
in the layout of Google's FEC files. No pixels, no Django."""

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

URL = "http://demo.invalid/"
BOX = ("0.0455", "0.9545", "0.0455", "0.9545")
"""Left, right, top, bottom. The importer adds 5 % on each side: together, the whole picture."""
KINDS = {1: "ONE_CLASS_TRIPLET", 2: "TWO_CLASS_TRIPLET", 3: "THREE_CLASS_TRIPLET"}
RATERS = 12
ASKED = 6
"""Raters who answer one triplet."""
MOST_ANCHORS = 80
PER_ANCHOR = 28
"""Triplets around one anchor: enough for 16 strong positives after the raters' disagreements."""
NEAR, FAR = 0.22, 0.45
"""An anchor's positives are among this nearest share of the faces, its negatives beyond this one."""

Triple = tuple[int, ...]
"""Three indices of faces."""


@dataclass(frozen=True, slots=True)
class Rater:
    """One simulated annotator."""

    name: str
    warp: np.ndarray
    """(d, d): which parts of a face she attends to."""
    noise: float
    """Standard deviation of what she sees of each number, in units of a typical distance."""
    careless: float
    """How often she answers without looking."""


@dataclass(frozen=True, slots=True)
class Faces:
    """The labelled faces of one split."""

    images: list[str]
    people: np.ndarray
    names: np.ndarray
    vectors: np.ndarray


def read_faces(labels_csv: Path | str, split: str) -> Faces:
    """The faces of one split of a labels.csv. Raises ValueError where there are none."""
    with Path(labels_csv).open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    if not rows:
        raise ValueError(f"{labels_csv} has no faces of split {split!r}")
    dimensions = [key for key in rows[0] if key[0] == "e" and key[1:].isdigit()]
    return Faces(
        [Path(row["image"]).name for row in rows],
        np.array([row["identity"] for row in rows]),
        np.array([row["expression"] for row in rows]),
        np.array([[float(row[key]) for key in dimensions] for row in rows]),
    )


def simulated_raters(rng: np.random.Generator, dimensions: int, count: int = RATERS) -> list[Rater]:
    """Raters with a mild warp of their own; every sixth is sloppy."""
    raters = []
    for number, name in enumerate(sorted(rng.choice(np.arange(1000, 9999), count, replace=False))):
        warp = np.diag(np.exp(rng.normal(0.0, 0.22, dimensions))) + rng.normal(0.0, 0.04, (dimensions,) * 2)
        sloppy = number % 6 == 5
        noise, careless = (rng.uniform(0.11, 0.15), 0.1) if sloppy else (rng.uniform(0.03, 0.08), 0.01)
        raters.append(Rater(str(name), warp, float(noise), careless))
    return raters


def odd_one(vectors: np.ndarray) -> tuple[int, float]:
    """Of three vectors (3, d): which is opposite the closest pair (1, 2 or 3), and by how much clearly.

    The margin is the second smallest distance less the smallest.
    """
    a, b, c = vectors
    opposite = np.array([np.linalg.norm(b - c), np.linalg.norm(a - c), np.linalg.norm(a - b)])
    order = np.sort(opposite)
    return int(np.argmin(opposite)) + 1, float(order[1] - order[0])


def answer(rater: Rater, vectors: np.ndarray, rng: np.random.Generator) -> int:
    """What the rater says of three faces (3, d): 1, 2 or 3, or 0 where she cannot tell (about 4 %)."""
    if rng.random() < rater.careless:
        return int(rng.integers(1, 4))
    seen = (vectors + rng.normal(0.0, rater.noise, vectors.shape)) @ rater.warp
    odd, margin = odd_one(seen)
    return 0 if rng.random() < 0.012 + 0.3 * np.exp(-margin / 0.06) else odd


def write_triplets(
    labels_csv: Path | str, output_csv: Path | str, *, split: str, count: int, seed: int
) -> None:
    """Write `count` triplets over one split's faces, each answered by 6 of 12 raters, in FEC's layout.

    About half surround a few anchors (up to 80, 28 triplets each), so that tournaments find anchors with
    many strong positives; the rest are random, of the kinds that are rarest so far. The three faces of a
    triplet show three people. The raters are the same for every split of one seed. Raises ValueError where
    there are too few people or faces.
    """
    faces = read_faces(labels_csv, split)
    rng = np.random.default_rng([seed, *split.encode()])
    raters = simulated_raters(np.random.default_rng(seed), faces.vectors.shape[1])
    triples = _triples(faces, count, rng)
    with Path(output_csv).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        for triple in triples:
            shown = list(rng.permutation(triple))
            row = [part for index in shown for part in (URL + faces.images[index], *BOX)]
            row.append(KINDS[len(set(faces.names[shown]))])
            for asked in rng.choice(len(raters), ASKED, replace=False):
                row += [raters[asked].name, str(answer(raters[asked], faces.vectors[shown], rng))]
            writer.writerow(row)


def _triples(faces: Faces, count: int, rng: np.random.Generator) -> list[Triple]:
    """`count` different triples of face indices, shuffled."""
    if len(set(faces.people)) < 3:
        raise ValueError("triplets need faces of at least three people")
    found: dict[Triple, None] = {}
    anchors = min(MOST_ANCHORS, len(faces.images) // 4, count // (PER_ANCHOR + 12))
    for anchor in rng.choice(len(faces.images), anchors, replace=False):
        for triple in _around(faces, int(anchor), rng):
            found[tuple(sorted(triple))] = None
    kinds = Counter(len(set(faces.names[list(triple)])) for triple in found)
    for _ in range(200 * count):
        if len(found) >= count:
            break
        # The kind that is rarest so far; where it cannot be found, any other.
        kind = min(KINDS, key=lambda one: kinds[one]) if rng.random() < 0.9 else int(rng.integers(1, 4))
        drawn = _random_triple(faces, kind, rng)
        if drawn and drawn not in found:
            found[drawn] = None
            kinds[kind] += 1
    if len(found) < count:
        raise ValueError(f"{len(faces.images)} faces do not give {count} different triplets")
    return [list(found)[index] for index in rng.permutation(len(found))[:count]]


def _around(faces: Faces, anchor: int, rng: np.random.Generator) -> list[Triple]:
    """Triples of the anchor, a near face and a far one; no near or far face comes twice."""
    distance = np.linalg.norm(faces.vectors - faces.vectors[anchor], axis=1)
    others = np.flatnonzero(faces.people != faces.people[anchor])
    ranked = others[np.argsort(distance[others])]
    near = list(rng.permutation(ranked[: round(NEAR * len(ranked))]))
    far = list(rng.permutation(ranked[round(FAR * len(ranked)) :]))
    triples: list[Triple] = []
    for positive in near:
        for place, negative in enumerate(far):
            apart = np.linalg.norm(faces.vectors[positive] - faces.vectors[negative])
            # Clear to most raters: the pair is closer than either is to the third, by a visible step.
            clear = min(apart, distance[negative]) > 1.15 * distance[positive] + 0.05
            if clear and faces.people[positive] != faces.people[negative]:
                triples.append((anchor, int(positive), int(negative)))
                del far[place]
                break
        if len(triples) == PER_ANCHOR:
            break
    return triples


def _random_triple(faces: Faces, kind: int, rng: np.random.Generator) -> Triple | None:
    """Three faces of three people with `kind` different expression names, sorted; None if the draw missed."""
    first = int(rng.integers(len(faces.names)))
    same = np.flatnonzero(faces.names == faces.names[first])
    other = np.flatnonzero(faces.names != faces.names[first])
    pools = {1: (same, same), 2: (same, other), 3: (other, other)}[kind]
    if not all(len(pool) for pool in pools):
        return None
    triple = [first, *(int(rng.choice(pool)) for pool in pools)]
    if len(set(faces.names[triple])) != kind or len(set(faces.people[triple])) < 3:
        return None
    return tuple(sorted(triple))
