"""A study's answers and figures as rows of a CSV file and as JSON. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from annotate.campaigns.models import Answer
from annotate.insight.models import Result, Study
from annotate.insight.study_figures import Cast, Figures
from annotate.insight.study_statistics import LEVEL, PairOutcome, Strength
from annotate.tournament.quality import Share

HEADINGS = [
    "query", "face", "left", "right", "answer", "preferred", "participant", "response_ms", "answered_at",
]  # fmt: skip


def vote_rows(figures: Figures, casts: Sequence[Cast]) -> Iterator[list[object]]:
    """HEADINGS, then an answer a row, the oldest first. Contenders are named by their letters, people as in
    an export of triplets."""
    letters = {contender.pk: contender.letter for contender in figures.contenders}
    yield list(HEADINGS)
    for cast in casts:
        left, right = (cast.one, cast.other) if cast.one_is_left else (cast.other, cast.one)
        preferred = "" if cast.preferred is None else letters[cast.preferred]
        yield [
            cast.number, cast.key, letters[left], letters[right], Answer(cast.answer).value, preferred,
            f"user:{cast.user}", "" if cast.response_ms is None else cast.response_ms,
            cast.created_at.isoformat(),
        ]  # fmt: skip


def as_json(study: Study, figures: Figures, strengths: Sequence[Strength]) -> dict[str, Any]:
    """The study, its lists and its figures, by plain keys."""
    letters = {contender.pk: contender.letter for contender in figures.contenders}
    return {
        "study": {
            "name": study.name, "dataset": study.dataset.name, "top_n": study.top_n,
            "other_identities_only": study.others_only, "seed": study.seed, "state": study.state.value,
            "created_at": study.created_at.isoformat(),
        },
        "versions": {one.letter: one.model_version_id for one in figures.contenders},
        "comparisons": {"asked": figures.asked, "same_faces": figures.ties, "void": figures.void},
        "votes": {
            **dict(zip(letters.values(), figures.votes, strict=True)),
            "uncertain": figures.uncertain, "total": figures.total,
        },
        "queries": _queries(study, figures),
        "pairs": [_pair(pair, letters) for pair in figures.pairs],
        "strengths": [
            {"version": letters[one.contender], "strength": one.value, "interval": list(one.interval)}
            for one in strengths
        ],
        "left": _share(figures.left),
        "agreement": {"krippendorff_alpha": figures.alpha, "comparisons": figures.alpha_units},
        "median_response_ms": figures.median_ms,
        "participants": [
            {"participant": f"user:{one.user}", "answers": one.answered, "uncertain": one.uncertain.count,
             "left": _share(one.left), "median_response_ms": one.median_ms}
            for one in figures.participants
        ],
        "interval_level": LEVEL,
    }  # fmt: skip


def _queries(study: Study, figures: Figures) -> list[dict[str, Any]]:
    letters = {contender.pk: contender.letter for contender in figures.contenders}
    found: dict[int, dict[str, list[str | None]]] = {}
    results = Result.objects.filter(query__study=study).order_by("rank")
    for number, contender, key in results.values_list("query__number", "contender", "face__key"):
        found.setdefault(number, {}).setdefault(letters[contender], []).append(key)
    keys = dict(study.queries.values_list("number", "face__key"))
    return [
        {
            "query": row.number, "face": keys[row.number], "same_faces": row.is_tie, "void": row.is_void,
            "votes": dict(zip(letters.values(), row.votes, strict=True)) | {"uncertain": row.uncertain},
            "results": found.get(row.number, {}),
        }
        for row in figures.queries
    ]  # fmt: skip


def _pair(pair: PairOutcome, letters: dict[int, str]) -> dict[str, Any]:
    return {
        "one": letters[pair.one], "other": letters[pair.other],
        "share_of_one": _share(pair.share), "uncertain": pair.uncertain,
        "interval_by_query": pair.interval and list(pair.interval),
        "queries": {"one": pair.test.one, "other": pair.test.other, "even": pair.test.even},
        "sign_test_p": pair.test.p,
    }  # fmt: skip


def _share(share: Share) -> dict[str, Any]:
    return {"value": share.value, "of": share.n, "interval": share.interval and list(share.interval)}
