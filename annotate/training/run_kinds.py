"""The settings of a run, whichever kind it is of."""

from __future__ import annotations

from annotate.training.manipulation_config import ManipulationConfig
from annotate.training.models import Run, RunKind
from annotate.training.run_config import RunConfig

Config = RunConfig | ManipulationConfig


def config_of(run: Run) -> Config:
    """Raises BadSetting where what is stored can not be had any more."""
    if run.kind == RunKind.MANIPULATION:
        return ManipulationConfig.from_json(run.config)
    return RunConfig.from_json(run.config)
