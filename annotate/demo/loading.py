"""Loads the demo: drawn faces, their triplets, a campaign that is two thirds done, and logins to try it."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from annotate.accounts.models import Role, User
from annotate.campaigns.creation import create_campaign
from annotate.campaigns.models import Campaign
from annotate.campaigns.simulation import simulate, simulated_annotators
from annotate.demo.annotators import write_triplets
from annotate.demo.drawing import write_faces
from annotate.faces.fec_import import import_triplets
from annotate.faces.models import Dataset, Split
from annotate.tournament.simulator import Manner
from annotate.training.freezing import freeze_snapshot
from annotate.training.models import Run
from annotate.training.runs import queue_run
from annotate.training.validating import name_validation_snapshot

DATASET = "demo"
CAMPAIGN = "Demo"
TRIPLETS = {Split.TRAIN: 8_000, Split.VAL: 1_500}
PEOPLE, EXPRESSIONS = 32, 40
GROUPS = 12
# A few minutes on two cores; longer runs are the admin's to start.
TRAINING: dict[str, object] = {"backbone": "small", "epochs": 25}
# The visitor does the third repetition.
SIMULATED_REPETITIONS = (1, 2)
MANNER = Manner(flip=0.1, uncertain=0.02)
ANNOTATORS = 6
LOGINS = {"admin": Role.ADMIN, "curator": Role.CURATOR, "annotator": Role.ANNOTATOR}

Progress = Callable[[str, int, int], None]


def load_demo(progress: Progress) -> Run | None:
    """Make of the demo what is missing; returns a run to be put on the gpu queue if it made one.

    Broken off, it goes on where it was when called again.
    """
    make_logins()
    campaign = Campaign.objects.filter(name=CAMPAIGN).first()
    if campaign is None:
        load_faces(progress)
        dataset = Dataset.objects.get(name=DATASET)
        campaign = create_campaign(name=CAMPAIGN, dataset=dataset, groups=GROUPS, seed=1).campaign
    if Run.objects.filter(snapshot__campaign=campaign).exists():
        return None
    let_simulated_annotators_vote(campaign, progress)
    progress("freezing a snapshot", 0, 1)
    snapshot = freeze_snapshot(name=CAMPAIGN, dataset=campaign.dataset, campaign=campaign)
    progress("freezing a snapshot", 1, 1)
    admin = User.objects.get(username="admin")
    name_validation_snapshot(snapshot, admin, timezone.now())
    return queue_run(snapshot, TRAINING, admin)


def let_simulated_annotators_vote(campaign: Campaign, progress: Progress) -> None:
    """The first repetitions of every group; the last is left for the visitor."""
    total = campaign.groups.count() * len(SIMULATED_REPETITIONS) * (campaign.k - 1)
    done = 0

    def voted(votes: int) -> None:
        nonlocal done
        done += votes
        progress("simulating annotators", min(done, total), total)

    simulate(
        campaign, simulated_annotators(campaign, ANNOTATORS), MANNER, seed=1,
        repetitions=SIMULATED_REPETITIONS, progress=voted,
    )  # fmt: skip


def load_faces(progress: Progress) -> None:
    """Draw the faces and import them with the triplets that simulated raters answered."""
    with tempfile.TemporaryDirectory(prefix="semblance-demo-") as name:
        folder = Path(name)
        labels = write_faces(
            folder, people=PEOPLE, expressions=EXPRESSIONS,
            progress=lambda done, total: progress("drawing faces", done, total),
        )  # fmt: skip
        for split, count in TRIPLETS.items():
            triplets = folder / f"triplets-{split}.csv"
            write_triplets(labels, triplets, split=split, count=count, seed=1)
            import_triplets(
                triplets, dataset=DATASET, images=folder / "images", split=split, labels=labels,
                rejects=folder / f"rejects-{split}.csv", workers=os.cpu_count() or 1,
                progress=lambda what, done, total: progress(f"importing {what}", done, total),
            )  # fmt: skip


def logins_file() -> Path:
    """Where the demo's passwords are kept, readable by the owner only."""
    return Path(settings.STATE_DIR) / "demo_logins.json"


def make_logins() -> None:
    """An account of each role with a random password; accounts that exist are left alone."""
    path = logins_file()
    passwords = json.loads(path.read_text()) if path.exists() else {}
    for name, role in LOGINS.items():
        if not User.objects.filter(username=name).exists():
            passwords[name] = secrets.token_hex(4)
            User.objects.create_user(name, passwords[name], role=role)
    path.touch(mode=0o600)
    path.write_text(json.dumps(passwords))


def logins() -> dict[str, str | None]:
    """Each account's password; None where it was not made by the demo."""
    passwords = json.loads(logins_file().read_text()) if logins_file().exists() else {}
    return {name: passwords.get(name) for name in LOGINS}
