"""One single-elimination tree over a group's k candidates, which are its slots 0 .. k - 1.

Everything is a function of the bracket's seed: the draw, and the coin that lets a tie go on.
"""

from __future__ import annotations

import random


def rounds(k: int) -> int:
    """How many rounds k candidates take. Raises ValueError unless k is a power of two above 1."""
    if k < 2 or k & (k - 1):
        raise ValueError(f"k must be a power of two above 1, not {k}")
    return k.bit_length() - 1


def first_round(seed: int, k: int) -> list[tuple[int, int]]:
    """The k / 2 pairs (low, high) of slots of the first round, in the tree's order."""
    rounds(k)
    slots = list(range(k))
    random.Random(f"draw:{seed}").shuffle(slots)
    return [_pair(slots[i], slots[i + 1]) for i in range(0, k, 2)]


def sibling(position: int) -> int:
    """The match of the same round whose winner meets this one's."""
    return position ^ 1


def next_match(position: int, winner: int, sibling_winner: int) -> tuple[int, tuple[int, int]]:
    """Where the two winners meet in the next round: its position there, and (low, high)."""
    return position // 2, _pair(winner, sibling_winner)


def coin(seed: int, round_number: int, position: int, low: int, high: int) -> int:
    """Which slot goes on from a tie."""
    return random.Random(f"coin:{seed}:{round_number}:{position}").choice((low, high))


def _pair(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)
