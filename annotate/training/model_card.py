"""A model version's card: Markdown made of what is known of it, and of nothing else.

Nobody is named: people are counted. What only its makers can say (licence, citation) is left to them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from annotate.training import reports
from annotate.training.lineage import lineage
from annotate.training.markdown_tables import plain, table
from annotate.training.models import ModelVersion, Snapshot, SnapshotAlteration
from annotate.training.snapshot_facts import Annotators, SnapshotFacts, facts_of
from annotate.training.validating import unfair_to, validation_snapshot

FEW_TRIPLETS = 400
FEW_PEOPLE = 20
NOT_STATED = "not stated"
SPLITS = {"train": "for training", "val": "held out"}
SOURCES = {
    "imported": "came with the data set",
    "direct": "from comparisons, direct",
    "inferred": "from comparisons, inferred",
}


def card_of(version: ModelVersion) -> str:
    """The card as Markdown. `version` with its run, snapshot and data set."""
    snapshot = version.run.snapshot
    facts = facts_of(snapshot)
    parts = [
        [f"# Model version {version.pk}", *_identity(version)],
        ["## Data", *_data(version, snapshot, facts)],
        ["## Annotators", *_annotators(facts)],
        ["## Accuracy", *_accuracy(version)],
        ["## Training", *_training(version)],
        ["## Limits", *_limits(version, snapshot, facts)],
        ["## Erased people", *_erased(version)],
        ["## Left to its makers", *table(("Fact", "Value"), [(name, NOT_STATED) for name in _OPEN])],
    ]
    return "\n\n".join("\n\n".join(part) for part in parts) + "\n"


_OPEN = ("Licence", "Citation", "Contact", "Intended use", "Consent of the people shown")


def _identity(version: ModelVersion) -> Iterator[str]:
    run = version.run
    origin = f"version {run.parent_id}, fine-tuned" if run.parent_id else "scratch"
    yield (
        "A network that places pictures of faces so that like expressions lie near each other: 16 numbers "
        "a face."
    )
    yield from table(
        ("Fact", "Value"),
        [
            ("Made", f"{version.created_at:%Y-%m-%d}, by run {run.pk}"),
            ("From", origin),
            ("Network", f"{run.config.get('backbone')}, order {run.config.get('order')}"),
            ("Input", "aligned faces, 224 px RGB, scaled to what the network takes"),
            ("Output", "16 numbers; compare by Euclidean distance"),
        ],
    )


def _data(version: ModelVersion, snapshot: Snapshot, facts: SnapshotFacts | None) -> Iterator[str]:
    then = snapshot.sha256_at(version.run.created_at)
    yield (
        f"Snapshot “{plain(snapshot.name)}” of data set {plain(snapshot.dataset.name)}"
        + (f" with campaign {plain(snapshot.campaign.name)}" if snapshot.campaign else "")
        + f", SHA-256 `{then}`"
        + ("" if then == snapshot.sha256 else f"; altered since, now `{snapshot.sha256}`")
        + "."
    )
    above = lineage().learnt_from(version.pk) - {snapshot.pk}
    if above:
        yield f"The versions that it comes from were trained on {_several(len(above), 'other snapshot')}."
    if facts is None:
        yield "Its tables are not there any more, so nothing can be counted."
        return
    yield from table(
        ("Split", "Faces", "People"),
        [
            (words, f"{facts.faces.get(split, 0):,}", f"{facts.people.get(split, 0):,}")
            for split, words in SPLITS.items()
        ],
    )
    if facts.nameless:
        yield f"Of {_several(facts.nameless, 'face')} nobody knows whose they are."
    yield from table(
        ("Triplets", *(words.capitalize() for words in SPLITS.values())),
        [
            (words, *(f"{facts.triplets.get((source, split), 0):,}" for split in SPLITS))
            for source, words in SOURCES.items()
        ],
    )


def _annotators(facts: SnapshotFacts | None) -> Iterator[str]:
    known = [("In campaigns", facts.ours), ("With the data set", facts.raters)] if facts else []
    known = [(words, people) for words, people in known if people.count]
    if not known:
        yield "None is known."
        return
    columns = [_figures_of(people) for _, people in known]
    names = ("People", "Answers", "Lowest weight", "Median weight", "Mean weight", "Highest weight")
    yield from table(("Annotators", *(words for words, _ in known)), list(zip(names, *columns, strict=True)))
    yield (
        "An annotator's weight is the share of their answers with which the others agree; it is what their "
        "answers count in training. The mean is that over annotators."
    )


def _figures_of(people: Annotators) -> tuple[str, ...]:
    weights = people.weights
    figures = (weights[0], people.median, sum(weights) / len(weights), weights[-1])
    return (f"{people.count:,}", f"{people.answers:,}", *(f"{figure:.3f}" for figure in figures))


def _accuracy(version: ModelVersion) -> Iterator[str]:
    validation = validation_snapshot(version.run.snapshot.dataset)
    if validation is None:
        yield "No validation snapshot is named: there is no accuracy that compares it with other versions."
    else:
        found = version.validations.filter(snapshot=validation, sha256=validation.sha256).first()
        title = f"On the validation snapshot “{plain(validation.name)}”, `{validation.sha256[:8]}`"
        if found:
            yield f"{title}, of people on whom no version may train, {found.at:%Y-%m-%d}:"
            yield from _measured(found.report)
        else:
            yield f"{title}: not measured."
    yield "On the held-out triplets of its own snapshot:"
    yield from _measured(version.evaluation)


def _measured(report: Mapping[str, Any]) -> Iterator[str]:
    rows = reports.accuracy_rows(report)
    if rows:
        yield from table(
            ("Imported triplets", "Strong", "Weak"),
            [(r.name, _of(r.strong, r.strong_count), _of(r.weak, r.weak_count)) for r in rows],
        )
        yield "Chance is 1/3: which of three is the odd one."
    accuracy, count = reports.tournament_accuracy(report)
    if count:
        yield f"Triplets from comparisons: {accuracy} of {count:,}; chance is 1/2."
    if not rows and not count:
        yield "There is none, so nothing was measured."


def _of(accuracy: str, count: int) -> str:
    return f"{accuracy} of {count:,}" if count else "none"


def _training(version: ModelVersion) -> Iterator[str]:
    run = version.run
    start = reports.start_of(run)
    rows = [("seed", str(run.config.get("seed")))] if "seed" in run.config else []
    rows += [(name, _value(value)) for name, value in sorted(run.config.items()) if name != "seed"]
    yield from table(("Setting", "Value"), rows)
    yield "Made with:"
    environment = run.environment or ({"device": start["device"]} if start.get("device") else {})
    if environment:
        yield from table(
            ("Fact", "Value"), [(name, _value(value)) for name, value in sorted(environment.items())]
        )
    else:
        yield "Nothing is known of the machine."
    for note in start.get("notes") or []:
        yield f"- {plain(str(note))}"
    if took := reports.took(run):
        yield f"It took {took}, waiting between workers included."


def _limits(version: ModelVersion, snapshot: Snapshot, facts: SnapshotFacts | None) -> Iterator[str]:
    """What follows from the facts, and no more."""
    found = [
        f"- All of its training data are of one data set, {plain(snapshot.dataset.name)}: on pictures of "
        "other origin (light, age, ethnicity, spontaneous or posed) nothing was measured."
    ]
    if facts:
        found += _limits_of_data(facts)
    if version.evaluation and not reports.accuracy_rows(version.evaluation):
        found.append(
            "- No held-out triplet came from a data set's raters: accuracy rests on comparisons alone."
        )
    validation = validation_snapshot(snapshot.dataset)
    if validation is None:
        found.append("- It is not measured on people whom no version ever saw.")
    elif reason := _unfair(version, validation):
        found.append(f"- It is not measured on the validation snapshot. {plain(reason)}")
    yield "\n".join(found)


def _limits_of_data(facts: SnapshotFacts) -> list[str]:
    found = []
    held_out = sum(count for (_, split), count in facts.triplets.items() if split == "val")
    people = facts.people.get("train", 0)
    if not held_out:
        found.append("- Its snapshot has no held-out triplet.")
    elif held_out < FEW_TRIPLETS:
        within = 100 * 1.96 * (0.25 / held_out) ** 0.5
        found.append(
            f"- Only {held_out:,} held-out triplets: chance alone moves the accuracy by up to {within:.0f} "
            "points."
        )
    if people and people < FEW_PEOPLE:
        found.append(f"- It has learnt from {_several(people, 'person', 'people')} only.")
    if not people:
        found.append("- Whose faces they are is not known, so people may be in both splits.")
    if not facts.ours.count:
        found.append("- No answer came from comparisons in campaigns.")
    return found


def _unfair(version: ModelVersion, validation: Snapshot) -> str | None:
    try:
        return unfair_to(version, validation)
    except FileNotFoundError:
        return None


def _erased(version: ModelVersion) -> Iterator[str]:
    learnt_from = lineage().learnt_from(version.pk)
    alterations = SnapshotAlteration.objects.filter(snapshot__in=learnt_from, at__gt=version.run.created_at)
    if version.erased_at is None:
        yield "Nobody on whose faces it was trained has been erased since."
        return
    yield (
        f"People on whose faces it, or a version that it comes from, was trained have been erased since, "
        f"last on {version.erased_at:%Y-%m-%d}. What the network learnt from them is still in it."
    )
    rows = [
        (f"{a.at:%Y-%m-%d}", f"{a.taken_out.get('faces', 0):,}", f"{a.taken_out.get('triplets', 0):,}")
        for a in alterations.order_by("at")
    ]
    if rows:
        yield from table(("Erased", "Faces", "Triplets"), rows)


def _value(value: object) -> str:
    if value is None:
        return "by default"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _several(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"
