"""FEC rows, cell by cell, and what their answers say. No database."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.faces import fec_layout
from annotate.faces.fec_layout import majority, parse_row
from annotate.faces.models import Kind
from annotate.faces.problems import BadRow
from tests.faces.conftest import fec_row

edges = st.lists(st.floats(0, 1), min_size=2, max_size=2, unique=True).map(sorted)
raters = st.lists(
    st.text(st.characters(categories=("L", "N")), min_size=1, max_size=8),
    min_size=6,
    max_size=12,
    unique=True,
)
GOOD = fec_row("a.jpg", "b.jpg", "c.jpg")


def changed(**cells):
    """The good row with some cells replaced: changed(c15="X")."""
    row = list(GOOD)
    for place, value in cells.items():
        row[int(place[1:])] = value
    return row


@settings(deadline=None)
@given(raters, st.data(), edges, edges, st.sampled_from(fec_layout.KINDS))
def test_a_row_of_any_length_is_read_as_it_was_written(raters, data, across, down, kind):
    answers = data.draw(st.lists(st.integers(0, 3), min_size=len(raters), max_size=len(raters)))
    box = (*map(repr, across), *map(repr, down))
    row = parse_row(fec_row("a.jpg", "b.jpg", "c.jpg", answers=answers, kind=kind, box=box, raters=raters))
    assert row.raters == tuple(raters)
    assert row.answers == tuple(answers)
    assert row.kind == kind
    assert [face.box for face in row.faces] == [(*across, *down)] * 3
    assert [face.image for face in row.faces] == ["a.jpg", "b.jpg", "c.jpg"]


def test_a_face_is_named_after_its_picture_and_its_box():
    face = parse_row(GOOD).faces[0]
    assert face.name == "a.jpg#0.100-0.900-0.050-0.950"
    assert face.url == "http://faces.invalid/some/a.jpg"


def test_the_same_picture_with_another_box_is_another_face():
    row = parse_row(changed(c5=GOOD[0], c6="0.5"))
    assert [face.image for face in row.faces] == ["a.jpg", "a.jpg", "c.jpg"]


def test_minus_zero_is_zero():
    assert parse_row(changed(c1="-0.0")).faces[0].name == parse_row(changed(c1="0")).faces[0].name


def test_cells_that_a_spreadsheet_padded_are_passed_over():
    assert parse_row([*GOOD, "", "", ""]) == parse_row(GOOD)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ([], "torn"),
        (GOOD[:12], "torn"),
        (GOOD[:15], "torn"),
        (GOOD[:-1], "torn"),
        (GOOD[:16], "0 annotators"),
        (GOOD[:26], "5 annotators; at least 6"),
        (changed(c15="FOUR_CLASS_TRIPLET"), "type 'FOUR_CLASS_TRIPLET' is unknown"),
        (changed(c15=""), "type '' is unknown"),
        (changed(c17="4"), "answer '4' is unknown"),
        (changed(c17="-1"), "answer '-1' is unknown"),
        (changed(c17="uncertain"), "answer 'uncertain' is unknown"),
        (changed(c17=""), "answer '' is unknown"),
        (changed(c18="r1"), "annotator 'r1' answers twice"),
        (changed(c16=""), "'' is no annotator's id"),
        (changed(c16="a;b"), "'a;b' is no annotator's id"),
        (changed(c16="x" * 101), "no annotator's id"),
        (changed(c1="left"), "left of the box of 'a.jpg' is not a number: 'left'"),
        (changed(c4=""), "bottom of the box of 'a.jpg' is not a number: ''"),
        (changed(c1="nan"), "out of range"),
        (changed(c2="inf"), "out of range"),
        (changed(c2="1.01"), "out of range"),
        (changed(c1="-0.2"), "out of range"),
        (changed(c1="0.9"), "out of range"),
        (changed(c3="0.96"), "out of range"),
        (changed(c0="http://faces.invalid/"), "does not end in a file name"),
        (changed(c0="http://faces.invalid/a/..%2F..%2Fsecret.jpg"), "outside the folder"),
        (changed(c0=GOOD[5]), "same face twice"),
    ],
)
def test_a_bad_row_says_what_is_wrong_with_it(row, reason):
    with pytest.raises(BadRow, match=reason.replace("(", r"\(")):
        parse_row(row)


@settings(deadline=None)
@given(st.lists(st.one_of(st.text(max_size=12), st.sampled_from(GOOD)), max_size=32))
def test_any_cells_are_either_read_or_refused(cells):
    try:
        row = parse_row(cells)
    except BadRow as error:
        assert str(error)
    else:
        assert len(row.raters) == len(row.answers) >= 6


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=6, max_size=13))
def test_majority_equals_its_definition(answers):
    """Strong: 2/3 of all raters name one face; weak: 1/2 do, and no other is named as often."""
    said = majority(tuple(answers))
    votes = {face: answers.count(face) for face in (1, 2, 3)}
    leaders = [face for face in votes if votes[face] == max(votes.values())]
    share = max(votes.values()) / len(answers)
    if share >= 0.5 and len(leaders) == 1:
        assert said.odd == leaders[0]
        assert said.strength == ("strong" if share >= 2 / 3 else "weak")
        assert said.votes_for == votes[said.odd]
        assert said.votes_against == sum(votes.values()) - votes[said.odd]
    else:
        assert said == (None, "none", 0, 0)


@pytest.mark.parametrize(
    ("answers", "odd", "strength"),
    [
        ((3, 3, 3, 3, 1, 2), 3, "strong"),
        ((3, 3, 3, 3, 0, 0), 3, "strong"),
        ((3, 3, 3, 0, 0, 0), 3, "weak"),
        ((3, 3, 3, 1, 1, 2), 3, "weak"),
        ((3, 3, 3, 1, 1, 1), None, "none"),
        ((1, 1, 2, 2, 3, 3), None, "none"),
        ((0, 0, 0, 0, 0, 0), None, "none"),
        ((1, 1, 0, 0, 0, 0), None, "none"),
    ],
)
def test_majorities_of_six(answers, odd, strength):
    assert majority(answers)[:2] == (odd, strength)


def test_the_types_are_those_of_the_table():
    assert tuple(Kind.values) == fec_layout.KINDS
