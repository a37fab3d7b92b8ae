"""The figures of a growing campaign (growth.py) as JSON and as Markdown tables, of the cells there are."""

import json
from pathlib import Path
from statistics import mean, stdev

from annotate.tournament.quality import Share


def table(folder: Path) -> str:
    """Both tables; the figures themselves go to growth.json beside them."""
    cells = {
        (path.parent.parent.name, path.parent.name): json.loads(path.read_text()) | _order(path.parent)
        for path in sorted(folder.glob("seed-*/*/cell.json"))
    }
    (folder / "growth.json").write_text(json.dumps([[*key, cell] for key, cell in cells.items()], indent=1))
    steps = sorted({int(name.split("-")[1]) for _, name in cells if "-" in name})
    rows = [
        "| after step | new answers | drawn | proposed | idle | trained anew |",
        "|---|---|---|---|---|---|",
    ]
    rows.append(f"| 0 | 0 | {_accuracy(cells, 'base')} | | | |")
    for step in steps:
        arms = [_accuracy(cells, f"{arm}-{step}") for arm in ("drawn", "proposed", "idle", "anew")]
        asked = [_answers(cells, until) for until in range(1, step + 1)]
        rows.append(f"| {step} | {sum(asked)} | {' | '.join(arms)} |")
    rows += ["", "| arm | step | slice | answers | right of them | foretold by the network before |"]
    rows.append("|---|---|---|---|---|---|")
    for arm in ("drawn", "proposed"):
        for step in [*steps, None]:
            rows += _slices(cells, arm, step, steps)
    return "\n".join(rows) + "\n"


def _order(folder: Path) -> dict:
    path = folder / "order.json"
    return {"order": json.loads(path.read_text())} if path.exists() else {}


def _accuracy(cells: dict, name: str) -> str:
    """Strong val triplets; order of candidates; CPU seconds."""
    found = [cell for (_, of), cell in cells.items() if of == name]
    if not found:
        return ""
    strong = [100 * cell["report"]["strong"]["accuracy"]["mean"] for cell in found]
    order = [100 * cell["order"] for cell in found if "order" in cell]
    return f"{_spread(strong)}; {_spread(order)}; {mean(cell['cpu'] for cell in found):.0f} s"


def _spread(values: list[float]) -> str:
    if not values:
        return "?"
    return f"{mean(values):.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else "")


def _answers(cells: dict, step: int) -> int:
    return next((cell["answers"] for (_, name), cell in cells.items() if name == f"drawn-{step}"), 0)


def _slices(cells: dict, arm: str, step: int | None, steps: list[int]) -> list[str]:
    """A line each for what was drawn and what was proposed; all steps together where step is None."""
    names = {f"{arm}-{one}" for one in (steps if step is None else [step])}
    found = [cell["slices"] for (_, name), cell in cells.items() if name in names]
    lines = []
    for part in ("random", "proposed"):
        said = [one for slices in found for one in slices[part]]
        if said:
            right, agrees = sum(r for r, _ in said), sum(a for _, a in said)
            low, high = Share(agrees, len(said)).interval
            lines.append(
                f"| {arm} | {step or 'all'} | {part} | {len(said)} | {100 * right / len(said):.1f} | "
                f"{100 * agrees / len(said):.1f} ({100 * low:.1f} to {100 * high:.1f}) |"
            )
    return lines
