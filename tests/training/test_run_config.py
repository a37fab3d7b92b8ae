"""A run's settings against the network's own command line: the same defaults, nothing lost on the way."""

from dataclasses import asdict, fields, replace

import pytest

from annotate.training.run_config import RunConfig
from annotate.training.run_forms import RunForm


def parsed(config):
    """What `python -m model train` makes of a config."""
    from model import cli
    from model.cli_arguments import build_parser

    given = ["train", "--snapshot", "s", "--output", "o", *config.arguments()]
    arguments = build_parser(cli.COMMANDS).parse_args(given)
    return asdict(cli._train_config(arguments))


def test_the_defaults_are_the_networks():
    from model.train_config import TrainConfig

    assert parsed(RunConfig()) == asdict(TrainConfig())


@pytest.mark.parametrize(
    "changes",
    [
        {"backbone": "facenet"}, {"order": 5}, {"epochs": 7}, {"crowd": False}, {"seed": 9}, {"rate": 3e-4},
        {"faces_per_step": 90}, {"triplets_per_step": 30}, {"tournament_two_terms": False},
        {"normalize_vectors": True}, {"identity_vectors": "augmented"}, {"hold_out": 0.1}, {"size": 80},
        {"steps": 500}, {"crowd_centred": False}, {"crowd_pull": 0.5}, {"imported_share": 0.25},
        {"replay": 0.3}, {"patience": 4}, {"precision": "float32"},
    ],
)  # fmt: skip
def test_each_setting_arrives(changes):
    config = replace(RunConfig(), **changes)
    assert parsed(config) == parsed(RunConfig()) | changes
    assert RunConfig.from_json(config.as_json()) == config


def test_the_form_has_every_setting():
    assert set(RunForm.base_fields) == {field.name for field in fields(RunConfig)} - {"backbone"} | {
        "source",
        "start",
    }
