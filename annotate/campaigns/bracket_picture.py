"""Lays a bracket out as a tree for an SVG: places of faces and paths between them, in its coordinates.

Pure; the template draws it. The first round stands on the left, and faces grow towards the winner's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from annotate.tournament.bracket import rounds

LEAF, CHAMPION = 38.0, 96.0
GAP, MARGIN = 28.0, 26.0
BETWEEN_FACES, BETWEEN_MATCHES = 4.0, 8.0
CORNER = 6.0


@dataclass(frozen=True)
class Drawn:
    """A match as it is drawn: who meets whom, and who goes on. `id` is its comparison's."""

    id: int
    low: int
    high: int
    winner: int | None = None
    is_tie: bool = False
    uncertain: int = 0
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Node:
    """A face's place in the tree, or an empty one. `match` is the one that it has won, or that shall fill
    it; `is_out` says that it loses the next, `uncertain` how many could not tell in an open match."""

    x: float
    y: float
    size: float
    slot: int | None
    face: int | None
    match: Drawn | None
    is_out: bool = False
    is_champion: bool = False

    @property
    def middle(self) -> float:
        return self.y + self.size / 2

    @property
    def right(self) -> float:
        return self.x + self.size

    @property
    def centre(self) -> float:
        return self.x + self.size / 2

    @property
    def bottom(self) -> float:
        return self.y + self.size

    @property
    def is_asked(self) -> bool:
        """Whether it is empty and its match is being asked."""
        return self.slot is None and self.match is not None

    @property
    def marks(self) -> str:
        """The pairs that are said otherwise elsewhere, as short as it stands on a badge."""
        marks = self.match.marks if self.match else ()
        return " ".join(marks) if len(marks) < 4 else f"{marks[0]} {marks[1]} +{len(marks) - 2}"

    @property
    def mark_width(self) -> float:
        return 7.0 * len(self.marks) + 9


@dataclass(frozen=True)
class Edge:
    """The way of one face to its next match. `kind` is lost, open, tie, won, or last where its face then wins
    the whole bracket."""

    path: str
    kind: str
    match: int | None
    slot: int | None


@dataclass
class Picture:
    """Everything that the template draws: edges in the order in which they lie upon each other."""

    width: float = 0.0
    height: float = 0.0
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)


Matches = Mapping[tuple[int, int], Drawn]


def draw(faces: Sequence[int], matches: Matches) -> Picture:
    """The tree of a group's candidates, whose faces are given by slot; `matches` are those that are asked
    or decided, by (round, position)."""
    last = rounds(len(faces))
    columns = [_leaves(faces, matches)]
    for number in range(1, last + 1):
        columns.append(_column(number, last, columns[-1], faces, matches))
    picture = Picture(columns[-1][0].right + 4, columns[0][-1].bottom + 4)
    champion = columns[-1][0].slot
    for number, column in enumerate(columns[:-1], 1):
        for place, node in enumerate(column):
            picture.edges.append(_edge(node, columns[number][place // 2], champion))
    picture.edges.sort(key=lambda edge: ("open", "lost", "tie", "won", "last").index(edge.kind))
    picture.nodes = [node for column in columns for node in column]
    return picture


def _leaves(faces: Sequence[int], matches: Matches) -> list[Node]:
    nodes = []
    y = 8.0
    for place in range(len(faces)):
        match = matches.get((1, place // 2))
        slot = None if match is None else (match.low, match.high)[place % 2]
        is_out = match is not None and match.winner is not None and match.winner != slot
        nodes.append(Node(MARGIN, y, LEAF, slot, None if slot is None else faces[slot], None, is_out))
        y += LEAF + (BETWEEN_MATCHES if place % 2 else BETWEEN_FACES)
    return nodes


def _column(number: int, last: int, before: list[Node], faces: Sequence[int], matches: Matches) -> list[Node]:
    size = LEAF * (CHAMPION / LEAF) ** (number / last)
    x = before[0].right + GAP
    nodes = []
    for place in range(len(before) // 2):
        match = matches.get((number, place))
        slot = match.winner if match else None
        middle = (before[2 * place].middle + before[2 * place + 1].middle) / 2
        following = matches.get((number + 1, place // 2))
        is_out = following is not None and following.winner is not None and following.winner != slot
        nodes.append(
            Node(
                round(x, 1), round(middle - size / 2, 1), round(size, 1), slot,
                None if slot is None else faces[slot], match, is_out, number == last and slot is not None,
            )
        )  # fmt: skip
    return nodes


def _edge(node: Node, to: Node, champion: int | None) -> Edge:
    match = to.match
    if match is None or match.winner is None:
        kind = "open"
    elif match.is_tie:
        kind = "tie"
    elif match.winner != node.slot:
        kind = "lost"
    else:
        kind = "last" if node.slot == champion else "won"
    return Edge(_elbow(node, to), kind, match.id if match else None, node.slot)


def _elbow(node: Node, to: Node) -> str:
    """Right, then up or down with rounded corners, then right again."""
    turn = round(node.right + (to.x - node.right) / 2, 1)
    down = 1 if to.middle > node.middle else -1
    return (
        f"M{node.right:.1f} {node.middle:.1f}H{turn - CORNER:.1f}"
        f"q{CORNER} 0 {CORNER} {down * CORNER}V{to.middle - down * CORNER:.1f}"
        f"q0 {down * CORNER} {CORNER} {down * CORNER}H{to.x:.1f}"
    )
