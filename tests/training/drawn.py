"""A small data set to train on, and what an installation of a test's own is asked to do with it:

python -m tests.training.drawn make | queue SNAPSHOT EPOCHS | send RUN
"""

from __future__ import annotations

import sys

PASSWORD = "a-password-for-ada"


def drawn_dataset():
    """Twelve people, eight of them for training, calm and glad; triplets name the other expression odd."""
    from tests.factories import make_dataset, make_face, make_imported_triplet

    dataset = make_dataset("drawn")
    for split, people in (("train", range(8)), ("val", range(8, 12))):
        calm, glad = (
            [
                make_face(
                    dataset, f"{expression}-{person:02}", split=split, identity=f"p{person}",
                    expression=expression, smile=smile, tone=120 + 10 * person,
                )
                for person in people
            ]
            for expression, smile in (("calm", -0.6), ("glad", 0.9))
        )  # fmt: skip
        for i in range(len(calm)):
            j = (i + 1) % len(calm)
            answers = (3, 3, 3, 3, 2, 0)
            make_imported_triplet((calm[i], calm[j], glad[i]), answers, kind="TWO_CLASS_TRIPLET")
            make_imported_triplet((glad[i], glad[j], calm[i]), answers, kind="TWO_CLASS_TRIPLET")
    return dataset


def _make() -> int:
    """An admin and a snapshot; its number."""
    from annotate.accounts.models import Role, User
    from annotate.training.freezing import freeze_snapshot

    User.objects.create_user("ada", PASSWORD, role=Role.ADMIN)
    return freeze_snapshot(name="drawn", dataset=drawn_dataset()).pk


def _queue(snapshot: str, epochs: str) -> int:
    """A run as the page queues it; its number."""
    from annotate.training.models import Snapshot
    from annotate.training.runs import queue_run

    config = {"epochs": int(epochs), "faces_per_step": 12, "triplets_per_step": 24}
    run = queue_run(Snapshot.objects.get(pk=snapshot), config, None)
    _send(str(run.pk))
    return run.pk


def _send(run: str) -> int:
    """A run's message, once more."""
    from annotate.training.tasks import train_run

    train_run.delay(run_id=int(run))
    return int(run)


if __name__ == "__main__":
    import django

    django.setup()
    print({"make": _make, "queue": _queue, "send": _send}[sys.argv[1]](*sys.argv[2:]))
