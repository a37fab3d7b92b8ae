"""Holds the repository to the rules of docs/architecture.md, and each rule to its purpose: it can fail."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from config.environment import BASE_DIR
from tests import architecture as rules
from tests.architecture import Module

FILES = sorted(rules.files(BASE_DIR))
MODULES = [Module(path, (BASE_DIR / path).read_text()) for path in FILES if path.suffix == ".py"]
APPLICATION = [
    module for module in MODULES if module.path.parts[0] in {"annotate", "config", "model", "manage.py"}
]

APPLICATION_RULES = [
    rules.rooms_downwards,
    rules.layers_downwards,
    rules.tournament_pure,
    rules.model_knows_no_web,
    rules.model_from_few_places,
    rules.config_from_few_places,
    rules.services_enqueue_nothing,
    rules.no_signals,
    rules.no_save_overrides,
    rules.sizes,
]
EVERYWHERE = [rules.no_dumping_ground, rules.opens_with_its_purpose]
TEXTS = {".py", ".md", ".txt", ".toml", ".yml", ".html", ".css", ".js", ".svg", ".json", ""}
# What breaks a rule for a reason that holds: (rule, path) and the reason. Keep it short.
ALLOWED: dict[tuple[str, str], str] = {}


def broken(rule, modules):
    return [
        f"{module.path}:{line}: {what}"
        for module in modules
        if (rule.__name__, str(module.path)) not in ALLOWED
        for line, what in rule(module)
    ]


@pytest.mark.parametrize("rule", APPLICATION_RULES, ids=lambda rule: rule.__name__)
def test_the_application_keeps_the_rule(rule):
    assert broken(rule, APPLICATION) == []


@pytest.mark.parametrize("rule", EVERYWHERE, ids=lambda rule: rule.__name__)
def test_every_module_keeps_the_rule(rule):
    assert broken(rule, MODULES) == []


def broken_texts(rule, suffixes, folder=""):
    return [
        f"{path}:{line}: {what}"
        for path in FILES
        if path.suffix in suffixes and str(path).startswith(folder)
        for line, what in rule(path, (BASE_DIR / path).read_text())
    ]


def test_pages_hold_nothing_inline_and_nothing_from_other_hosts():
    assert broken_texts(rules.page_obeys_policy, {".html"}) == []


def test_scripts_and_styles_load_nothing_from_other_hosts():
    assert broken_texts(rules.asset_stays_at_home, {".css", ".js", ".svg"}, "frontend/") == []


def test_no_file_names_one_machines_paths():
    assert broken_texts(rules.names_no_machine, TEXTS) == []


def test_there_is_something_to_hold_to_the_rules():
    assert {"annotate", "config", "model", "tests"} <= {module.path.parts[0] for module in MODULES}
    assert {
        module.parts[1] for module in APPLICATION if len(module.parts) > 2 and module.parts[0] == "annotate"
    } <= set(rules.ROOMS)
    assert any(path.suffix == ".html" for path in FILES)


LONG = "def f():\n" + "    x = 1\n" * 40
BAD = [
    (rules.rooms_downwards, "annotate/faces/views.py", "from annotate.campaigns.models import Group"),
    (rules.rooms_downwards, "annotate/accounts/models.py", "import annotate.training.runs"),
    (rules.rooms_downwards, "annotate/tournament/closure.py", "from ..accounts import models"),
    (rules.layers_downwards, "annotate/campaigns/voting.py", "from annotate.campaigns.api import VoteView"),
    (rules.layers_downwards, "annotate/campaigns/models.py", "from annotate.campaigns import voting"),
    (rules.layers_downwards, "annotate/training/runs.py", "def f():\n    from . import tasks"),
    (rules.layers_downwards, "annotate/training/tasks.py", "from annotate.training.run_views import page"),
    (rules.rooms_downwards, "annotate/insight/views.py", "from annotate.curation import wall"),
    (rules.model_from_few_places, "annotate/insight/mapping.py", "from model.inference import Embedder"),
    (rules.tournament_pure, "annotate/tournament/bracket.py", "import django"),
    (rules.tournament_pure, "annotate/tournament/bracket.py", "import networkx"),
    (rules.tournament_pure, "annotate/tournament/bracket.py", "from datetime import datetime"),
    (rules.tournament_pure, "annotate/tournament/bracket.py", "from numpy.random import default_rng"),
    (rules.model_knows_no_web, "model/training.py", "from django.conf import settings"),
    (rules.model_knows_no_web, "model/training.py", "def f():\n    import annotate.faces.models"),
    (rules.model_from_few_places, "annotate/training/views.py", "from model.network import Network"),
    (rules.model_from_few_places, "annotate/training/runs.py", "import model"),
    (rules.model_from_few_places, "annotate/faces/views.py", "from model.alignment import FaceAligner"),
    (rules.model_from_few_places, "annotate/faces/crops.py", "from model.network import Network"),
    (rules.model_from_few_places, "config/urls.py", "import model.network"),
    (rules.model_from_few_places, "annotate/training/planning.py", "from model.training import Trainer"),
    (rules.model_from_few_places, "annotate/training/forecast.py", "from model.plan import plan"),
    (rules.config_from_few_places, "annotate/faces/crops.py", "from config import environment"),
    (rules.config_from_few_places, "annotate/training/runs.py", "from config.celery import app"),
    (rules.config_from_few_places, "config/services.py", "from django.conf import settings"),
    (rules.services_enqueue_nothing, "annotate/training/runs.py", "train.delay(1)"),
    (rules.services_enqueue_nothing, "annotate/training/models.py", "train.apply_async((1,))"),
    (rules.services_enqueue_nothing, "annotate/training/runs.py", "from celery import shared_task"),
    (rules.no_signals, "annotate/faces/apps.py", "from django.db.models.signals import post_save"),
    (rules.no_signals, "annotate/faces/apps.py", "from django.dispatch import receiver"),
    (rules.no_save_overrides, "annotate/faces/models.py", "class A(M):\n    def save(self): ..."),
    (rules.no_dumping_ground, "annotate/faces/utils.py", ""),
    (rules.no_dumping_ground, "tests/helpers/pages.py", ""),
    (rules.opens_with_its_purpose, "annotate/faces/crops.py", "import os"),
    (rules.sizes, "annotate/faces/crops.py", "x = 1\n" * 301),
    (rules.sizes, "model/training.py", LONG),
    (rules.sizes, "model/training.py", "class A:\n    async " + LONG.replace("\n", "\n    ").rstrip()),
]
GOOD = [
    (rules.rooms_downwards, "annotate/campaigns/views.py", "from annotate.faces.models import Face"),
    (rules.layers_downwards, "annotate/campaigns/views.py", "from annotate.campaigns import tasks, voting"),
    (rules.layers_downwards, "annotate/campaigns/urls.py", "from annotate.campaigns import compare_views"),
    (rules.layers_downwards, "annotate/campaigns/migrations/0001_x.py", "import annotate.campaigns.views"),
    (rules.tournament_pure, "annotate/tournament/bracket.py", "import numpy as np\nfrom . import closure"),
    (rules.tournament_pure, "annotate/tournament/bracket.py", "from numpy.random import Generator"),
    (rules.model_knows_no_web, "model/training.py", "import torch\nfrom model import loss"),
    (rules.model_from_few_places, "annotate/training/tasks.py", "from model.network import Network"),
    (rules.model_from_few_places, "annotate/faces/crops.py", "from model.alignment import FaceAligner"),
    (rules.model_from_few_places, "annotate/faces/management/commands/x.py", "import model.alignment"),
    (rules.model_from_few_places, "annotate/training/planning.py", "from model.plan import plan"),
    (rules.model_from_few_places, "annotate/insight/network.py", "from model.inference import Embedder"),
    (rules.config_from_few_places, "annotate/training/tasks.py", "from config.celery import app"),
    (rules.services_enqueue_nothing, "annotate/training/views.py", "on_commit(lambda: train.delay(1))"),
    (rules.opens_with_its_purpose, "annotate/faces/__init__.py", ""),
    (rules.sizes, "annotate/faces/crops.py", LONG.replace("    x = 1\n", "", 1)),
    (rules.sizes, "annotate/faces/migrations/0001_initial.py", LONG),
]


@pytest.mark.parametrize(("rule", "path", "source"), BAD)
def test_the_rule_can_fail(rule, path, source):
    problems = list(rule(Module(PurePosixPath(path), source)))
    assert problems
    # Each says what to do instead.
    assert all(":" in what for _, what in problems)


@pytest.mark.parametrize(("rule", "path", "source"), GOOD)
def test_the_rule_lets_pass_what_is_right(rule, path, source):
    assert list(rule(Module(PurePosixPath(path), source))) == []


@pytest.mark.parametrize(
    ("rule", "text", "line"),
    [
        (rules.page_obeys_policy, "<p>\n<script>go()</script>", 2),
        (rules.page_obeys_policy, "{% if a %}\n{% endif %}<style>p {}</style>", 2),
        (rules.page_obeys_policy, "{# a\nb #}<p style='color: red'>", 2),
        (rules.page_obeys_policy, '<button onclick="go()">', 1),
        (rules.page_obeys_policy, '<p hx-on:click="go()">', 1),
        (rules.page_obeys_policy, '<a href="javascript:go()">', 1),
        (rules.page_obeys_policy, '<script src="https://elsewhere.org/x.js"></script>', 1),
        (rules.page_obeys_policy, '<link rel="stylesheet" href="//elsewhere.org/x.css">', 1),
        (rules.page_obeys_policy, '<img alt="{{ a|default:">" }}" src="http://elsewhere.org/x.png">', 1),
        (rules.asset_stays_at_home, "a {}\np { background: url(https://elsewhere.org/x.png) }", 2),
        (rules.asset_stays_at_home, "node.innerHTML = answer", 1),
        (rules.names_no_machine, "x\ncd /ro" + "ot/clone", 2),
        (rules.names_no_machine, 'folder = "/ho' + 'me/ann/faces"', 1),
    ],
)
def test_the_text_rule_can_fail(rule, text, line):
    assert [at for at, _ in rule(PurePosixPath("x"), text)] == [line]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (rules.page_obeys_policy, '<script type="module" src="{% static "js/x.js" %}"></script>'),
        (rules.page_obeys_policy, '<script type="application/json">{}</script>'),
        (
            rules.page_obeys_policy,
            '<a href="https://doi.org/10.1" class="{% if a %}b{% endif %}">the paper</a>',
        ),
        (rules.asset_stays_at_home, '<svg xmlns="http://www.w3.org/2000/svg">'),
        (rules.names_no_machine, "docs/work/plan and ./home/x and /var/lib/semblance"),
    ],
)
def test_the_text_rule_lets_pass_what_is_right(rule, text):
    assert list(rule(PurePosixPath("x"), text)) == []
