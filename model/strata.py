"""How a batch is made up of strata: kinds of triplets that each make a wanted share of it.

Which triplets of a stratum are taken is sampler.py's.
"""

from collections.abc import Sequence

import numpy as np


def shared_out(
    rows: np.ndarray, strata: np.ndarray | None, shares: Sequence[float] | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows with a share, their strata and the shares above 0; one stratum of all where none are given.

    Raises ValueError for strata and shares that do not fit each other or the rows.
    """
    if strata is None or shares is None:
        if strata is not None or shares is not None:
            raise ValueError("strata and shares belong together: one of them is not given")
        return rows, np.zeros(len(rows), dtype=np.int8), np.ones(1)
    part = np.asarray(shares, dtype=np.float64)
    if part.ndim != 1 or not (part >= 0).all() or not np.isclose(part.sum(), 1):
        raise ValueError(f"shares of a batch are 0 or more and sum to 1, not {list(shares)}")
    if strata.shape != (len(rows),) or (len(rows) and not 0 <= strata.min() <= strata.max() < len(part)):
        raise ValueError(f"each of {len(rows)} triplets needs a stratum from 0 to {len(part) - 1}")
    empty = np.flatnonzero((part > 0) & (np.bincount(strata, minlength=len(part)) == 0))
    if len(empty):
        raise ValueError(f"stratum {empty[0]} has a share of {part[empty[0]]} and no triplet")
    kept = part[strata] > 0
    code = np.cumsum(part > 0) - 1
    return rows[kept], code[strata[kept]].astype(np.int8), part[part > 0]


def allot(available: np.ndarray, shares: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """(S,) how many of at most `most` triplets come from each stratum, of which so many are `available`.

    As many as keep every stratum within one triplet of its share; what remains by rounding goes to one or
    another by chance. Where a scarce stratum would press the batch below a quarter of what fits, the batch
    keeps this quarter: scarce strata give all they have, the others the rest by their shares.
    """
    fits = min(most, int(available.sum()))
    even = int(np.ceil((available + 1) / shares).min()) - 1
    size = min(fits, max(even, -(-fits // 4)))
    while True:
        quotas, missing = _rounded(available, shares, size, rng)
        if not missing:
            return quotas
        size -= 1


def _rounded(
    available: np.ndarray, shares: np.ndarray, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, int]:
    """`size` split by shares, capped by what is available; how many of it no stratum could take."""
    quotas = np.zeros(len(shares), dtype=np.int64)
    ample = shares > 0
    while True:
        rest = size - int(quotas[~ample].sum())
        exact = np.where(ample, shares / shares[ample].sum() * rest, 0.0)
        scarce = ample & (np.floor(exact) > available)
        if not scarce.any():
            break
        quotas[scarce] = available[scarce]
        ample &= ~scarce
    quotas[ample] = np.floor(exact[ample])
    rest = size - int(quotas.sum())
    fraction = np.where(ample & (available > quotas), exact - quotas, 0.0)
    chance = np.where(fraction > 0, rng.random(len(shares)) ** (1 / np.maximum(fraction, 1e-9)), -1.0)
    given = np.argsort(-chance)[: min(rest, int((fraction > 0).sum()))]
    quotas[given] += 1
    return quotas, rest - len(given)
