"""A person is erased where machines share a bucket: no object names or shows her, on no machine is a copy."""

import hashlib
import shutil

from django.core.files.storage import default_storage
from django.utils import timezone

from annotate.curation.appearances import snapshots_of
from annotate.curation.erasing import ask_for_erasure, erase
from annotate.faces.models import Face
from annotate.training import snapshot_store
from annotate.training.models import Snapshot
from annotate.training.run_store import RunStore
from annotate.training.shared_folders import log_tail, run_folder, snapshot_at_hand
from model.snapshot import read_snapshot
from tests.bucket import left_on
from tests.curation.erasing import PERSON, make_world
from tests.curation.test_erasing import texts_of_the_database


def test_no_object_names_or_shows_her(db, admin, on_machine, shared_bucket):
    first = on_machine("a")
    world = make_world(admin)
    folder = run_folder(world.run)
    RunStore(folder.name).put_instead(folder)
    shutil.rmtree(folder)
    shutil.rmtree(first / "rejects")  # of an import, by which machine A is known to its curator
    pictures = set(world.hers.values_list("crop_sha256", flat=True))
    before = shared_bucket.objects()
    others = set(Face.objects.exclude(identity=PERSON).values_list("crop", flat=True))
    assert [s.pk for s in snapshots_of(world.hers.first())] == [world.snapshot.pk]
    # Half a snapshot, of a worker that was killed.
    half = f"half-{world.snapshot.folder}"
    content = before[f"snapshots/{world.snapshot.folder}/faces.csv"]
    snapshot_store.bucket.write(f"snapshots/{half}/faces.csv", content)

    second = on_machine("b")
    erasure = ask_for_erasure(
        dataset=world.dataset, identity=PERSON, reason="asked", admin=admin, at=timezone.now()
    )
    assert erase(erasure.pk)

    for key, content in shared_bucket.objects().items():
        assert PERSON not in key
        assert PERSON.encode() not in content, key
        assert hashlib.sha256(content).hexdigest() not in pictures, key
    assert [(table, row) for table, row in texts_of_the_database() if PERSON in row] == []
    assert left_on(first) == left_on(second) == []
    assert all(default_storage.exists(crop) for crop in others)
    assert log_tail(world.run, 3).endswith("done")
    snapshot = Snapshot.objects.get()
    assert snapshot.folder != world.snapshot.folder
    assert not [key for key in shared_bucket.objects() if world.snapshot.folder in key]
    with snapshot_at_hand(snapshot) as at_hand:
        assert len(read_snapshot(at_hand).faces.keys) == 18
