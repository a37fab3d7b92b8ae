"""A manipulation run's settings against the network's own command line: the same defaults, nothing lost."""

from dataclasses import asdict, fields, replace

import pytest

from annotate.training.manipulation_config import LIMITS, SIZE_STEP, ManipulationConfig
from annotate.training.manipulation_forms import ManipulationForm


def parsed(config):
    """What `python -m model manipulate train` makes of the settings that it is told."""
    from model import cli
    from model.cli_arguments import build_parser
    from model.manipulation.config import ManipulationConfig as Settings

    given = ["manipulate", "train", "--checkpoint", "c", "--snapshot", "s", "--output", "o"]
    arguments = vars(build_parser(cli.COMMANDS).parse_args([*given, *config.arguments(), "--resume"]))
    known = {field.name for field in fields(Settings)} - {"weights"}
    return asdict(replace(Settings(), **{n: arguments[n] for n in known if arguments.get(n) is not None}))


def test_the_defaults_and_limits_are_the_networks():
    from model.manipulation import config

    assert parsed(ManipulationConfig()) == asdict(config.ManipulationConfig())
    assert LIMITS["size"] == (config.SMALLEST_SIZE, config.LARGEST_SIZE)
    assert SIZE_STEP == config.SIZE_STEP


@pytest.mark.parametrize(
    "changes",
    [{"size": 96}, {"steps": 7}, {"seed": 3}, {"rate": 1e-3}, {"faces_per_step": 4}, {"hold_out": 0.5}],
)
def test_each_setting_arrives(changes):
    assert parsed(replace(ManipulationConfig(), **changes)) == parsed(ManipulationConfig()) | changes


def test_the_form_has_every_setting():
    known = {field.name for field in fields(ManipulationConfig)}
    assert set(ManipulationForm.base_fields) == known | {"source", "embedding"}
