"""A person in everything that a person can be in: for tests that erase her."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.utils import timezone

from annotate.accounts.models import Role, User
from annotate.campaigns.creation import create_campaign
from annotate.campaigns.leases import lease
from annotate.campaigns.models import Answer, Campaign
from annotate.campaigns.voting import cast_vote
from annotate.curation.erasing import ask_for_erasure
from annotate.faces.models import Dataset, Face
from annotate.training.freezing import freeze_snapshot
from annotate.training.models import Embedding, ModelVersion, Run, RunState, Snapshot
from annotate.training.runs import queue_run
from annotate.training.shared_folders import run_folder
from tests.factories import make_dataset, make_face, make_imported_triplet

PERSON = "Erika-Muster"
K = 4


@dataclass
class World:
    dataset: Dataset
    campaign: Campaign
    snapshot: Snapshot
    run: Run
    version: ModelVersion
    annotators: list[User]

    @property
    def hers(self):
        return Face.objects.filter(identity=PERSON)


def make_world(admin: User) -> World:
    """Ten people; one of them, PERSON, is in triplets, groups, gold, votes, a snapshot, a run's files,
    embeddings, rejects and the admin's log."""
    dataset = make_dataset("lab")
    people = [PERSON, *(f"p{number}" for number in range(9))]
    faces = {
        (person, expression): make_face(
            dataset, f"{person}-{expression}", identity=person, expression=expression, smile=smile,
            tone=90 + 8 * number,
        )
        for number, person in enumerate(people)
        for expression, smile in (("calm", -0.7), ("glad", 0.9))
    }  # fmt: skip
    for one in range(10):
        for step in range(1, 6):
            calm, alike = (faces[people[(one + add) % 10], "calm"] for add in (0, step))
            make_imported_triplet((calm, alike, faces[people[(one + 2 * step) % 10], "glad"]))
    # Which triplets are drawn as gold depends on their ids: of so many she is always in one.
    campaign = create_campaign(
        name="Lab", dataset=dataset, groups=10, k=K, repetitions=2, seed=1, gold=24, gold_rate=0.3
    ).campaign
    Campaign.objects.filter(pk=campaign.pk).update(instructions=f"![Look](face:{faces[PERSON, 'glad'].key})")
    annotators = [User.objects.create_user(f"w{i}", None, role=Role.ANNOTATOR) for i in range(3)]
    answer_some(campaign, annotators, 14)
    snapshot = freeze_snapshot(name="Lab", dataset=dataset, campaign=campaign)
    run = queue_run(snapshot, {}, admin)
    Run.objects.filter(pk=run.pk).update(state=RunState.SUCCEEDED, ended_at=timezone.now())
    version = ModelVersion.objects.create(run=run, folder="x", evaluation={})
    Embedding.objects.bulk_create(
        Embedding(model_version=version, face=face, vector=np.arange(16)) for face in faces.values()
    )
    leave_traces(admin, run, list(faces.values()))
    return World(dataset, campaign, snapshot, run, version, annotators)


def answer_some(campaign: Campaign, annotators: list[User], count: int) -> int:
    """Up to so many answers of each; returns how many there were."""
    rng, given = random.Random(2), 0
    for annotator in annotators:
        for _ in range(count):
            for question in lease(campaign, annotator, count=1, at=timezone.now(), rng=rng)[:1]:
                cast_vote(
                    vote_id=uuid.uuid4(), showing_id=question.pk, annotator=annotator,
                    answer=rng.choice([Answer.LEFT, Answer.RIGHT, Answer.LEFT, Answer.UNCERTAIN]),
                    response_ms=800, at=timezone.now(),
                )  # fmt: skip
                given += 1
    return given


def leave_traces(admin: User, run: Run, faces: list[Face]) -> None:
    """What runs, imports and the admin leave behind, of everybody."""
    folder = run_folder(run)
    (folder / "checkpoint").mkdir(parents=True)
    np.save(folder / "embeddings.npy", np.zeros((len(faces), 16)))
    (folder / "checkpoint" / "crops.part").write_bytes(b"pixels")
    (folder / ".embeddings.npy.parts").mkdir()
    (folder / ".embeddings.npy.parts" / "0.npz").write_text("".join(face.key for face in faces))
    (folder / "embeddings.npy.names.txt").write_text("".join(f"{face.key}\n" for face in faces))
    (folder / "log.txt").write_text("".join(f"read {face.key}\n" for face in faces) + "done\n")
    (folder / "checkpoint" / "config.json").write_text(f'{{"held_out": ["p3", "{PERSON}"]}}')
    rejects = Path(settings.STATE_DIR) / "rejects"
    rejects.mkdir(exist_ok=True, parents=True)
    (rejects / "import_faces-lab-1.csv").write_text(
        "file,row,reason\n"
        + "".join(f"/data/{face.image},,{face.image}: no face was found\n" for face in faces)
        + f'labels.csv,7,"other.jpg has another label already (identity ""{PERSON}"", expression)"\n'
    )
    for face in faces:
        LogEntry.objects.log_actions(admin.pk, [face], CHANGE, single_object=True)


def ask(world, admin, **changes):
    given = {"dataset": world.dataset, "identity": PERSON, "reason": "request 7 of today", "admin": admin}
    return ask_for_erasure(**given | {"at": timezone.now()} | changes)
