"""The rules of the house as functions: each takes a source and yields what breaks the rule, and what to do.

tests/test_architecture.py applies them to every file, and shows that each of them can fail.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath

# A room may import those to its left.
ROOMS = ["tournament", "accounts", "faces", "campaigns", "training", "insight", "curation", "demo"]
# A layer may import itself and those to its left.
LAYERS = ["tournament", "models", "services", "tasks", "views, api, admin, commands", "urls"]
TOURNAMENT, MODELS, SERVICES, TASKS, VIEWS, URLS = range(len(LAYERS))
WEB = {"django", "rest_framework", "drf_spectacular", "celery", "annotate", "config", "redis", "psycopg2"}
# These run before Django is set up, or without it.
WITHOUT_DJANGO = {
    "environment", "embedded", "embedded_postgresql", "embedded_redis", "services", "parts", "supervisor",
}  # fmt: skip
# The network's modules that plan a run: they load no torch.
PLANNING = {"plan", "snapshot", "errors"}
DUMPING_GROUNDS = {"utils", "util", "helpers", "helper", "common", "misc", "tools", "shared"}
LONGEST_MODULE, LONGEST_FUNCTION = 300, 40

Problems = Iterator[tuple[int, str]]


@dataclass(frozen=True)
class Module:
    """One Python file of the repository."""

    path: PurePosixPath
    source: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """Its dotted name, taken apart."""
        parts = self.path.with_suffix("").parts
        return parts[:-1] if parts[-1] == "__init__" else parts

    @property
    def is_migration(self) -> bool:
        return "migrations" in self.path.parts

    def imports(self) -> Iterator[tuple[int, tuple[str, ...]]]:
        """The line and the dotted name, taken apart, of everything that it imports, wherever it does."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, tuple(alias.name.split("."))) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = self._base(node)
                yield from ((node.lineno, (*base, alias.name)) for alias in node.names)

    def _base(self, node: ast.ImportFrom) -> tuple[str, ...]:
        named = tuple(node.module.split(".")) if node.module else ()
        return (*self.path.parts[: len(self.path.parts) - node.level], *named) if node.level else named

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        return (n for n in ast.walk(self.tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


def layer(parts: tuple[str, ...]) -> int:
    """Which of LAYERS a module of a room belongs to, by its name."""
    stem = parts[2] if len(parts) > 2 else ""
    if parts[1] == "tournament":
        return TOURNAMENT
    if stem == "management" or re.fullmatch(r"(\w+_)?(views|api|admin|forms)", stem):
        return VIEWS
    return {"models": MODELS, "tasks": TASKS, "urls": URLS}.get(stem, SERVICES)


def rooms_downwards(module: Module) -> Problems:
    if module.parts[0] != "annotate" or len(module.parts) < 2 or module.is_migration:
        return
    own = ROOMS.index(module.parts[1])
    for line, parts in module.imports():
        if parts[0] == "annotate" and len(parts) > 1 and ROOMS.index(parts[1]) > own:
            what = f"{module.parts[1]} imports {parts[1]}, a room above it"
            yield line, f"{what}: move what needs both into the topmost room that it needs"


def layers_downwards(module: Module) -> Problems:
    if module.parts[0] != "annotate" or len(module.parts) < 2 or module.is_migration:
        return
    own = layer(module.parts)
    for line, parts in module.imports():
        if parts[0] == "annotate" and len(parts) > 2 and layer(parts) > own:
            what = f"{LAYERS[own]} import {LAYERS[layer(parts)]}"
            yield line, f"{what}: take it as an argument, or move what is needed down into a service"


def tournament_pure(module: Module) -> Problems:
    if module.parts[:2] != ("annotate", "tournament"):
        return
    for line, parts in module.imports():
        inside = parts[:2] == ("annotate", "tournament")
        if parts[0] not in sys.stdlib_module_names | {"numpy"} and not inside:
            yield line, f"the tournament imports {parts[0]}: it is pure; take the data as plain arguments"
        draws = parts[:2] == ("numpy", "random") and parts[2:] != ("Generator",)
        if draws or parts[0] in {"datetime", "time"}:
            yield line, f"the tournament reads {parts[0]}: take the moment, or the rng, as an argument"


def model_knows_no_web(module: Module) -> Problems:
    if module.parts[0] != "model":
        return
    for line, parts in module.imports():
        if parts[0] in WEB:
            yield (
                line,
                f"model/ imports {parts[0]}: give it files and arguments; the web starts it from a task",
            )


def model_from_few_places(module: Module) -> Problems:
    if module.parts[0] not in {"annotate", "config"}:
        return
    room = module.parts[1] if len(module.parts) > 1 else ""
    # The one place that keeps a network in memory, for the tasks of its room.
    keeps = module.parts[1:] == ("insight", "network")
    allowed = keeps or room == "demo" or "management" in module.parts or module.parts[2:] == ("tasks",)
    for line, parts in module.imports():
        aligns = room == "faces" and layer(module.parts) == SERVICES and parts[:2] == ("model", "alignment")
        plans = module.parts[1:] == ("training", "planning") and parts[1:2] and parts[1] in PLANNING
        if parts[0] == "model" and not (allowed or aligns or plans):
            where = "tasks, commands, the importers, insight/network.py and the demo"
            yield line, f"model is imported outside {where}: use a task"


def config_from_few_places(module: Module) -> Problems:
    is_task = module.parts[2:] == ("tasks",)
    for line, parts in module.imports():
        in_room = module.parts[0] == "annotate" and parts[0] == "config"
        if in_room and not (is_task and parts[1:2] == ("celery",)):
            yield line, "a room imports config: read django.conf.settings; only tasks import config.celery"
        without = module.parts[0] == "config" and module.parts[-1] in WITHOUT_DJANGO
        if without and parts[0] in {"django", "annotate", "celery"}:
            yield line, f"{module.path} runs without Django: start a process that has it"


def services_enqueue_nothing(module: Module) -> Problems:
    if module.parts[0] != "annotate" or len(module.parts) < 2 or layer(module.parts) > SERVICES:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and node.attr in {"delay", "apply_async", "send_task"}:
            yield node.lineno, f".{node.attr} in a service: its caller enqueues, with transaction.on_commit"
    for line, parts in module.imports():
        if parts[0] == "celery":
            yield line, "celery in a service: put the task into tasks.py, and let it call the service"


def no_signals(module: Module) -> Problems:
    for line, parts in module.imports():
        if parts[0] == "django" and {"signals", "dispatch"} & set(parts):
            yield line, "a signal: call a service where the thing happens"


def no_save_overrides(module: Module) -> Problems:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef):
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and item.name == "save":
                    yield item.lineno, f"{node.name} overrides save(): write a service"


def no_dumping_ground(module: Module) -> Problems:
    if module.path.stem in DUMPING_GROUNDS or DUMPING_GROUNDS & set(module.path.parts[:-1]):
        yield 1, f"{module.path.stem} says nothing of what lives there: name the module after its subject"


def opens_with_its_purpose(module: Module) -> Problems:
    if module.source.strip() and not ast.get_docstring(module.tree) and not module.is_migration:
        yield 1, "no docstring: open with one to four lines that say what lives here and what may not"


def sizes(module: Module) -> Problems:
    if module.is_migration:
        return
    lines = len(module.source.splitlines())
    if lines > LONGEST_MODULE:
        yield 1, f"{lines} lines, more than {LONGEST_MODULE}: split it by subject"
    for function in module.functions():
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        # What explains is not what makes it long.
        length -= len((ast.get_docstring(function) or "").splitlines())
        if length > LONGEST_FUNCTION:
            what = f"{function.name} has {length} lines, more than {LONGEST_FUNCTION}"
            yield function.lineno, f"{what}: split it by subject"


class _Page(HTMLParser):
    """Notes what the content security policy of config/middleware.py would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[tuple[int, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        line = self.getpos()[0]
        if tag == "script" and "src" not in values and values.get("type") != "application/json":
            self.problems.append((line, "an inline script: put it into a module under frontend/static/js"))
        if tag == "style" or "style" in values:
            self.problems.append((line, "inline style: use a class of frontend/static/css/semblance.css"))
        for name, value in values.items():
            if re.match(r"on\w+$|hx-on", name) or (value or "").strip().startswith("javascript:"):
                self.problems.append((line, f"{name} runs a script: add a listener in a module"))
            loads = name in {"src", "srcset", "poster", "data"} or (name == "href" and tag in {"link", "use"})
            if loads and re.match(r"\s*(https?:)?//", value or ""):
                self.problems.append((line, f"{value} is on another host: serve it from frontend/static"))


def page_obeys_policy(path: PurePosixPath, text: str) -> Problems:
    page = _Page()
    # Template tags may hold quotes and angle brackets; their line breaks keep the line numbers right.
    page.feed(re.sub(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", lambda m: "\n" * m[0].count("\n"), text, flags=re.S))
    yield from page.problems


def asset_stays_at_home(path: PurePosixPath, text: str) -> Problems:
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(r"https?://(?!www\.w3\.org/)", line):
            yield number, "an address on another host: serve the file from frontend/static"
        if re.search(r"\b(eval|Function)\(|innerHTML|document\.write\(", line):
            yield number, "text turned into code or markup: use textContent and DOM methods"


def names_no_machine(path: PurePosixPath, text: str) -> Problems:
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(r"(?<![\w./-])/(?:work|root|home|Users)/\w", line):
            yield number, "a path of one machine: make it relative, or a setting"


def files(root: Path) -> Iterator[PurePosixPath]:
    """The repository's own files: nothing that was installed, made by tools, or kept for a run."""
    for folder, folders, names in os.walk(root):
        folders[:] = [
            name for name in folders
            if name not in {"var", "node_modules", "__pycache__"} and (name[0] != "." or name == ".ci")
        ]  # fmt: skip
        # In a git worktree .git is a file.
        for name in set(names) - {".git"}:
            yield PurePosixPath(Path(folder, name).relative_to(root).as_posix())
