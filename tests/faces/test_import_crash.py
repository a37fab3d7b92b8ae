"""An import that is broken off, and two at once. Truly committed, as only that shows what is left."""

import threading
from contextlib import nullcontext

import pytest
from django.core.files.storage import default_storage
from django.db import connection

from annotate.faces import publishing
from annotate.faces.models import Dataset, Face, ImportedTriplet
from annotate.faces.problems import ImportFailed
from tests.faces.conftest import fec_row, stored_crops

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = [fec_row("a.png", "b.png", "c.png"), fec_row("d.png", "e.png", "f.png")]


class PowerCut(BaseException):
    pass


def fail(*arguments, **options):
    raise PowerCut


@pytest.mark.parametrize(
    "where", ["annotate.faces.fec_import.insert_faces", "annotate.faces.fec_import.match_faces"]
)
def test_a_broken_import_leaves_no_row(import_fec, monkeypatch, where):
    with monkeypatch.context() as patch:
        patch.setattr(where, fail)
        with pytest.raises(PowerCut):
            import_fec.of_rows(ROWS)
    assert not Dataset.objects.exists()
    assert not Face.objects.exists()
    assert import_fec.of_rows(ROWS).triplets_added == 2


def test_a_failure_within_the_last_step_undoes_all_of_it(import_fec, monkeypatch):
    insert = publishing.insert_faces
    with monkeypatch.context() as patch:
        patch.setattr("annotate.faces.fec_import.insert_faces", lambda dataset: (insert(dataset), fail()))
        with pytest.raises(PowerCut):
            import_fec.of_rows(ROWS)
    assert not Dataset.objects.exists()
    assert not Face.objects.exists()
    assert not ImportedTriplet.objects.exists()


def test_a_broken_import_takes_its_crops_along(import_fec, storage, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("annotate.faces.fec_import.insert_faces", fail)
        with pytest.raises(PowerCut):
            import_fec.of_rows(ROWS)
    assert stored_crops(storage) == []


def test_crops_of_a_killed_import_are_overwritten(import_fec, storage, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("annotate.faces.fec_import.insert_faces", fail)
        # A process that is killed tidies nothing up.
        patch.setattr("annotate.faces.fec_import.stray_crops_removed", lambda dataset: nullcontext())
        with pytest.raises(PowerCut):
            import_fec.of_rows(ROWS)
    left = stored_crops(storage)
    assert len(left) == 6
    (storage / left[0]).write_bytes(b"half a pict")
    import_fec.of_rows(ROWS)
    assert stored_crops(storage) == left == sorted(Face.objects.values_list("crop", flat=True))
    assert all(default_storage.size(crop) > 100 for crop in left)


def test_the_next_import_of_the_same_process_starts_afresh(import_fec, monkeypatch):
    with pytest.raises(ImportFailed):
        import_fec.of_rows([[]])
    assert import_fec.of_rows(ROWS).triplets_added == 2


def test_two_imports_into_one_data_set_do_not_run_at_once(import_fec):
    """The second is told to wait; into another data set it may run."""
    inside, done = threading.Event(), threading.Event()

    def hold(*step):
        inside.set()
        done.wait(30)

    def first():
        import_fec.of_rows(ROWS, progress=hold)
        connection.close()

    thread = threading.Thread(target=first)
    thread.start()
    try:
        assert inside.wait(30)
        with pytest.raises(ImportFailed, match="Another import into data set set, or an erasure"):
            import_fec.of_rows(ROWS)
        assert import_fec.of_rows(ROWS, dataset="other").triplets_added == 2
    finally:
        done.set()
        thread.join()
    assert ImportedTriplet.objects.filter(dataset__name="set").count() == 2
