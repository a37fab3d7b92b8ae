"""The layout of Google's FEC files, and what a triplet's answers say. Pure: cells in, values out.

A row: three times url, left, right, top, bottom (fractions of width and height); the type; then an
annotator's id and answer, six or more times. An answer names the odd face out (1, 2, 3); 0 is uncertain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from annotate.faces.image_names import url_file_name
from annotate.faces.problems import BadRow, quoted

KINDS = ("ONE_CLASS_TRIPLET", "TWO_CLASS_TRIPLET", "THREE_CLASS_TRIPLET")
TYPE_CELL = 15
LEAST_RATERS = 6
LONGEST_RATER = 100
ANSWERS = {"0": 0, "1": 1, "2": 2, "3": 3}
EDGES = ("left", "right", "top", "bottom")

Box = tuple[float, float, float, float]


class BoxedFace(NamedTuple):
    """A face as FEC knows it: a URL and a box. `name` tells it from all others of the data set."""

    name: str
    image: str
    url: str
    box: Box


class TripletRow(NamedTuple):
    faces: tuple[BoxedFace, BoxedFace, BoxedFace]
    kind: str
    raters: tuple[str, ...]
    answers: tuple[int, ...]


class Majority(NamedTuple):
    """What the raters say: the odd face (1, 2, 3 or None), how strongly, and the votes for and against it."""

    odd: int | None
    strength: str
    votes_for: int
    votes_against: int


def parse_row(cells: Sequence[str], least_raters: int = LEAST_RATERS) -> TripletRow:
    """One row of an FEC file. Raises BadRow with the first thing that is wrong with it.

    Google's files have six raters a row or more: with fewer, a row of theirs was cut off."""
    end = len(cells)
    while end > TYPE_CELL and not cells[end - 1]:  # a spreadsheet pads all rows to the longest
        end -= 1
    count, torn = divmod(end - TYPE_CELL - 1, 2)
    if end <= TYPE_CELL or torn:
        raise BadRow(
            f"the row is torn: it has {len(cells)} cells; three faces of five cells each, the type, and "
            "pairs of annotator and answer are needed"
        )
    first, second, third = parse_face(*cells[:5]), parse_face(*cells[5:10]), parse_face(*cells[10:15])
    if first.name == second.name or third.name in (first.name, second.name):
        raise BadRow("the row names the same face twice")
    kind = cells[TYPE_CELL].strip()
    if kind not in KINDS:
        raise BadRow(f"the type {quoted(kind)} is unknown; the types are {', '.join(KINDS)}")
    if count < least_raters:
        raise BadRow(f"the row has {count} annotators; at least {least_raters} are needed")
    raters = tuple(cells[TYPE_CELL + 1 : end : 2])
    return TripletRow(
        (first, second, third), kind, check_raters(raters), parse_answers(cells[TYPE_CELL + 2 : end : 2])
    )


@lru_cache(maxsize=1 << 15)
def parse_face(url: str, left: str, right: str, top: str, bottom: str) -> BoxedFace:
    """One of a row's three faces. Its name is `<image>#<left>-<right>-<top>-<bottom>`, three decimals each.

    Raises BadRow where the URL names no file or the box is no box within the picture.
    """
    image = url_file_name(url)
    values = []
    for edge, cell in zip(EDGES, (left, right, top, bottom), strict=True):
        try:
            values.append(float(cell) + 0.0)  # -0.0 would have a name of its own
        except ValueError as error:
            raise BadRow(f"{edge} of the box of {quoted(image)} is not a number: {quoted(cell)}") from error
    box = (values[0], values[1], values[2], values[3])
    if not (0 <= box[0] < box[1] <= 1 and 0 <= box[2] < box[3] <= 1):
        raise BadRow(
            f"the box of {quoted(image)} is out of range: left {left}, right {right}, top {top}, "
            f"bottom {bottom}; 0 <= left < right <= 1 and 0 <= top < bottom <= 1 are needed"
        )
    return BoxedFace(f"{image}#" + "-".join(f"{value:.3f}" for value in box), image, url, box)


def check_raters(raters: tuple[str, ...]) -> tuple[str, ...]:
    """The annotators' ids, unchanged. Raises BadRow where one is missing, given twice, or unusable."""
    together = "".join(raters)
    if len(set(raters)) == len(raters) and "" not in raters and together.isalnum() and len(together) <= 100:
        return raters  # nearly all rows; what follows only says what is wrong with the others
    if len(set(raters)) < len(raters):
        twice = next(rater for rater, count in Counter(raters).items() if count > 1)
        raise BadRow(f"annotator {quoted(twice)} answers twice")
    for rater in raters:
        # Lists of annotators are joined by a semicolon in every export.
        if not rater.strip() or len(rater) > LONGEST_RATER or ";" in rater:
            raise BadRow(f"{quoted(rater)} is no annotator's id")
    return raters


def parse_answers(cells: Sequence[str]) -> tuple[int, ...]:
    """The answers as numbers. Raises BadRow where one is not 0, 1, 2 or 3."""
    try:
        return tuple(map(ANSWERS.__getitem__, cells))
    except KeyError:
        bare = [cell.strip() for cell in cells]
    for cell in bare:
        if cell not in ANSWERS:
            raise BadRow(
                f"the answer {quoted(cell)} is unknown; answers are 1, 2 or 3 for the odd one out, "
                "and 0 for uncertain"
            )
    return tuple(ANSWERS[cell] for cell in bare)


@lru_cache(maxsize=1 << 13)
def majority(answers: tuple[int, ...]) -> Majority:
    """Strong: at least 2/3 of all raters name the same face. Weak: at least 1/2, and no other face as many.

    The uncertain count among all raters, and neither for nor against.
    """
    named = sorted(((answers.count(face), face) for face in (1, 2, 3)), reverse=True)
    (most, odd), (second, _), (third, _) = named
    if 2 * most < len(answers) or most == second:
        return Majority(None, "none", 0, 0)
    strength = "strong" if 3 * most >= 2 * len(answers) else "weak"
    return Majority(odd, strength, most, second + third)
