"""How sure a difference of two accuracies is, against simulation and by rules that always hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.training.significance import Difference, in_words, paired, unpaired

COUNTS = st.integers(0, 2_000)


@given(both=COUNTS, only_new=COUNTS, only_old=COUNTS, neither=st.integers(1, 2_000), margin=st.floats(0, 0.5))
def test_pairs_are_never_less_sure_than_their_sums_where_the_versions_agree(
    both, only_new, only_old, neither, margin
):
    difference = paired(both, only_new, only_old, neither)
    count = both + only_new + only_old + neither
    assert difference.count == count
    assert difference.gain == pytest.approx((only_new - only_old) / count)
    apart = unpaired(difference.accuracy, difference.against, count)
    # They do, where both and neither outweigh the two that differ: the correlation is not negative.
    if both * neither >= only_new * only_old:
        assert difference.standard_error <= apart.standard_error + 1e-12
    assert not (difference.reaches(margin) and difference.gain <= 0)


@given(points=st.integers(1, 500), old=st.integers(0, 500))
def test_just_the_margin_is_enough_whatever_floats_make_of_it(points, old):
    difference = unpaired((old + points) / 1000, old / 1000, 1000)
    assert difference.reaches(points / 1000)
    assert not difference.reaches((points + 1) / 1000)


def test_the_standard_error_is_what_repeating_it_gives():
    rng = np.random.default_rng(1)
    count, gains, said = 500, [], []
    for _ in range(2_000):
        both, only_new, only_old, neither = rng.multinomial(count, (0.6, 0.12, 0.08, 0.2))
        difference = paired(both, only_new, only_old, neither)
        gains.append(difference.gain)
        said.append(difference.standard_error)
    assert np.mean(said) == pytest.approx(np.std(gains), rel=0.05)


def test_words():
    words = in_words(Difference(0.752, 0.74, 2_000, 0.004), 0.005)
    assert words.startswith("75.2 % against 74.0 % of 2,000 held-out triplets: 1.2 points better")
    assert "chance." not in words.removesuffix("The margin is smaller than chance.")
    assert "chance" not in in_words(Difference(0.76, 0.74, 2_000, 0.004), 0.01)
