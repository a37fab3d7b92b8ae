"""The page of one face: all that it is known by, and everything that it appears in."""

from __future__ import annotations

from collections.abc import Callable

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from annotate.accounts.permissions import curator_required
from annotate.curation import appearances
from annotate.faces.models import Face

ROWS = 20
ALIKE = 12
SECTIONS = {
    "triplets": "Imported triplets",
    "groups": "Groups and brackets",
    "comparisons": "Comparisons and votes",
    "gold": "Gold comparisons",
    "snapshots": "Snapshots",
}


@require_safe
@curator_required
def face_detail(request: HttpRequest, face_id: int) -> HttpResponse:
    face = get_object_or_404(Face.objects.select_related("dataset"), pk=face_id)
    return render(
        request,
        "curation/face.html",
        {"face": face, "sections": SECTIONS.items(), "alike": _alike(face),
         "derived": appearances.derived_triplet_count(face)},
    )  # fmt: skip


@require_safe
@curator_required
def face_section(request: HttpRequest, face_id: int, section: str) -> HttpResponse:
    """One list of the page: its next rows for htmx, or a page of its own where there are no scripts."""
    face = get_object_or_404(Face.objects.select_related("dataset"), pk=face_id)
    if section not in SECTIONS:
        raise Http404
    after = request.GET.get("after", "")
    rows, more = _ROWS[section](face, int(after) if after.isdecimal() and len(after) < 19 else 0)
    context = {
        "face": face, "section": section, "title": SECTIONS[section], "rows": rows, "more": more,
        "goes_on": bool(after),
    }  # fmt: skip
    return render(request, "curation/_section.html" if request.htmx else "curation/section.html", context)


def _alike(face: Face) -> list[dict[str, object]]:
    """A few faces of the same person and a few of the same expression."""
    others = Face.objects.filter(dataset=face.dataset).exclude(pk=face.pk)
    found = []
    for name, title in (("identity", "The same person"), ("expression", "The same expression")):
        value = getattr(face, name)
        if value:
            faces = others.filter(**{name: value}).order_by("pk")[:ALIKE]
            found.append({"title": title, "name": name, "value": value, "faces": faces})
    return found


Rows = tuple[list[dict[str, object]], int | None]


def _page(found: QuerySet, after: int) -> tuple[list, int | None]:
    """The rows after one, and the id after which the next page begins, if there is one."""
    rows = list(found.filter(pk__gt=after)[: ROWS + 1])
    return rows[:ROWS], rows[ROWS - 1].pk if len(rows) > ROWS else None


def _triplets(face: Face, after: int) -> Rows:
    triplets, more = _page(appearances.imported_triplets_of(face), after)
    rows = [
        {
            "triplet": triplet,
            "faces": [
                {"face": shown, "is_odd": triplet.odd == place}
                for place, shown in enumerate((triplet.face_1, triplet.face_2, triplet.face_3), 1)
            ],
            "answers": _by_answer(triplet.raters, triplet.answers),
        }
        for triplet in triplets
    ]
    return rows, more


def _by_answer(raters: list[str], answers: list[int]) -> list[tuple[str, list[str]]]:
    names = {1: "first", 2: "second", 3: "third", 0: "uncertain"}
    by_answer = {
        name: [rater for rater, given in zip(raters, answers, strict=True) if given == answer]
        for answer, name in names.items()
    }
    return [(name, given) for name, given in by_answer.items() if given]


def _groups(face: Face, after: int) -> Rows:
    groups, more = _page(appearances.groups_of(face), after)
    rows = []
    for group in groups:
        roles = ["anchor"] if group.anchor_id == face.pk else []
        for candidate in group.its_candidates:
            if candidate.positive_id == face.pk:
                roles.append(f"candidate {candidate.slot + 1}")
            else:
                roles.append(f"negative of candidate {candidate.slot + 1}")
        brackets = sorted(group.brackets.all(), key=lambda bracket: bracket.repetition)
        rows.append({"group": group, "roles": roles, "brackets": brackets})
    return rows, more


def _comparisons(face: Face, after: int) -> Rows:
    comparisons, more = _page(appearances.comparisons_of(face), after)
    faces = appearances.candidate_faces(comparisons)
    rows = []
    for comparison in comparisons:
        low, high = (faces[comparison.group_id, slot] for slot in (comparison.low, comparison.high))
        names = {comparison.low: "first", comparison.high: "second"}
        rows.append(
            {
                "comparison": comparison,
                "low": low,
                "high": high,
                "winner": "" if comparison.is_tie else names.get(comparison.winner, ""),
                "votes": [
                    {"vote": vote, "named": names.get(vote.winner, "uncertain")}
                    for vote in comparison.votes.all()
                ],
            }
        )
    return rows, more


def _gold(face: Face, after: int) -> Rows:
    gold, more = _page(appearances.gold_of(face), after)
    said = {True: "right", False: "wrong", None: "uncertain"}
    return [
        {"gold": one, "votes": [{"vote": v, "named": said[v.names_nearer]} for v in one.votes.all()]}
        for one in gold
    ], more


def _snapshots(face: Face, after: int) -> Rows:
    return [{"snapshot": snapshot} for snapshot in appearances.snapshots_of(face)], None


_ROWS: dict[str, Callable[[Face, int], Rows]] = {
    "triplets": _triplets,
    "groups": _groups,
    "comparisons": _comparisons,
    "gold": _gold,
    "snapshots": _snapshots,
}
