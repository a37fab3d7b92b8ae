"""Wilson's interval and Krippendorff's alpha against published figures and references; W_k against Wawa."""

from collections import Counter
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.tournament.agreement import AlikeAnswers, majority, tally_group, tally_raters
from annotate.tournament.closure import Match
from annotate.tournament.quality import Share, krippendorff_alpha


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_against_newcombes_table(count, n, low, high):
    """Newcombe 1998, table I, method 3."""
    assert Share(count, n).interval == pytest.approx((low, high), abs=5e-5)
    assert Share(n - count, n).interval == pytest.approx((1 - high, 1 - low), abs=5e-5)


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share(of):
    share = Share(*of)
    low, high = share.interval
    assert 0 <= low <= high <= 1
    assert low - 1e-12 <= share.value <= high + 1e-12


def test_of_nothing_there_is_no_share():
    assert Share().value is None
    assert Share().interval is None
    assert not Share().excludes(0.5)


def test_a_share_excludes_what_is_outside_its_interval():
    assert Share(81, 263).excludes(0.25)
    assert Share(81, 263).excludes(0.37)
    assert not Share(81, 263).excludes(0.3)


def test_alpha_of_krippendorffs_example():
    """Krippendorff 2011, three coders, 15 units, a missing answer is a *: 0.691."""
    coders = ["*****34121133*3", "1*213343*******", "**21344*21133*4"]
    units = Counter(
        tuple(sum(coder[unit] == value for coder in coders) for value in "1234") for unit in range(15)
    )
    assert krippendorff_alpha(units) == pytest.approx(0.691, abs=5e-4)


def naive_alpha(units):
    """1 - mean disagreement of two answers to the same unit / of any two answers, over ordered pairs."""
    units = [unit for unit in units if len(unit) > 1]
    everything = [value for unit in units for value in unit]
    n = len(everything)
    observed = sum(Fraction(sum(a != b for a, b in permutations(unit, 2)), len(unit) - 1) for unit in units)
    expected = Fraction(sum(a != b for a, b in permutations(everything, 2)), max(n - 1, 1))
    return None if expected == 0 else float(1 - observed / expected)


@given(st.lists(st.lists(st.integers(0, 2), max_size=4), max_size=12))
def test_alpha_against_a_naive_reference(units):
    alike = Counter(tuple(unit.count(value) for value in range(3)) for unit in units)
    expected = naive_alpha(units)
    got = krippendorff_alpha(alike)
    assert got == (None if expected is None else pytest.approx(expected, abs=1e-12))


def test_alpha_has_its_ends():
    assert krippendorff_alpha({(2, 0): 5, (0, 3): 5}) == 1.0
    assert krippendorff_alpha({(1, 1): 50}) == pytest.approx(-0.98)
    assert krippendorff_alpha({(2, 0): 5, (0, 1): 5}) is None


def wawa(items):
    """crowd-kit's Wawa: the share of a worker's answers that equal the majority of all, herself included."""
    n, agree = Counter(), Counter()
    for item in items:
        leader = max(Counter(item.values()).items(), key=lambda named: named[1])[0]
        for worker, answer in item.items():
            n[worker] += 1
            agree[worker] += answer == leader
    return {worker: agree[worker] / n[worker] for worker in n}


def is_clear(item):
    """Whether the leader is two ahead: then, and only then, every answer's others have the same majority."""
    ranked = [count for _, count in Counter(item.values()).most_common(2)]
    return len(item) > 1 and ranked[0] - (ranked[1] if len(ranked) > 1 else 0) >= 2


def items_of(values):
    return st.lists(
        st.dictionaries(st.integers(0, 6), values, min_size=2, max_size=7).filter(is_clear),
        min_size=1,
        max_size=20,
    )


@given(items_of(st.integers(1, 3)))
def test_weights_of_raters_equal_wawa_where_both_are_defined(items):
    tallies = tally_raters(
        AlikeAnswers(str(rater), answer, tuple(list(item.values()).count(i) for i in (1, 2, 3)))
        for item in items
        for rater, answer in item.items()
    )
    got = {int(rater): tally.n_agree / tally.n for rater, tally in tallies.items()}
    assert got == wawa(items)


@given(items_of(st.integers(0, 1)))
def test_weights_of_annotators_equal_wawa_where_both_are_defined(items):
    """Groups of two candidates, and so of one match a bracket: whoever played one is one worker."""
    tallies = {}
    for item in items:
        brackets = [[Match(1, 1, said, 1 - said, frozenset({who}))] for who, said in item.items()]
        tally_group(brackets, tallies)
    assert {who: tally.n_agree / tally.n for who, tally in tallies.items()} == wawa(items)


@given(st.lists(st.integers(1, 3), min_size=2, max_size=7))
def test_where_wawa_and_the_weights_part(answers):
    """An answer that the majority needs meets no majority of others; Wawa lets it agree with itself."""
    item = dict(enumerate(answers))
    for rater, answer in item.items():
        others = [said for who, said in item.items() if who != rater]
        meets = majority(Counter(others))
        if is_clear(item):
            assert meets == majority(Counter(answers))
        elif answer == majority(Counter(answers)):
            assert meets is None
