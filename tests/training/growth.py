"""A campaign that grows, for tests: answers come in, versions are active and measured."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.utils import timezone

from annotate.campaigns.models import Campaign
from annotate.campaigns.simulation import simulate, simulated_annotators
from annotate.tournament.simulator import Manner
from annotate.training.models import ModelVersion, Run, RunState, Snapshot, Validation
from annotate.training.runs import queue_run
from annotate.training.versions import promote
from tests.training.checkpoints import write_checkpoint


def answered(campaign: Campaign, repetition: int) -> None:
    """One bracket of every group is answered. With two candidates a group that gives two triplets each."""
    people = simulated_annotators(campaign, repetition)
    manner = Manner(flip=0.0, uncertain=0.0)
    simulate(campaign, people, manner, seed=campaign.pk, repetitions=[repetition])


def version_on(snapshot: Snapshot) -> ModelVersion:
    """What a run on it gave, with a checkpoint that nobody trained."""
    run = queue_run(snapshot, {}, None)
    Run.objects.filter(pk=run.pk).update(state=RunState.SUCCEEDED)
    version = ModelVersion.objects.create(run=run, folder=f"run-{run.pk}/checkpoint", evaluation={})
    write_checkpoint(Path(settings.RUNS_DIR) / version.folder)
    return version


def made_active(version: ModelVersion) -> ModelVersion:
    promote(version, None, "for a test", timezone.now())
    return version


def measured(version: ModelVersion, snapshot: Snapshot, accuracy: float, count: int = 1000) -> Validation:
    """As `python -m model evaluate` would say it."""
    report = {"strong": {"accuracy": {"mean": accuracy}, "counts": {"all": count}}}
    return Validation.objects.create(
        model_version=version, snapshot=snapshot, sha256=snapshot.sha256, report=report, at=timezone.now()
    )
