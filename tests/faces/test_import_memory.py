"""Memory does not grow with the file."""

import random
import tracemalloc

import pytest

from tests.faces.conftest import RATERS, fec_row, write_csv

pytestmark = [pytest.mark.long, pytest.mark.django_db]


def rows(count, faces):
    """Rows over pictures that are not there; every tenth is torn."""
    rng = random.Random(count)
    for number in range(count):
        images = (f"{face:06}.jpg" for face in rng.sample(range(faces), 3))
        row = fec_row(*images, answers=rng.choices(range(4), k=6), raters=RATERS)
        yield row if number % 10 else row[:-1]


def peak_of(work):
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_four_times_the_rows_need_no_more_memory(import_fec, tmp_path, monkeypatch):
    """Nothing can go in, so all rows go the whole way into the rejects. Kept in lists, 32,000 of them
    would need some 70 MB."""
    monkeypatch.setattr("annotate.faces.fec_import.NAMES_KEPT", 2_000)
    monkeypatch.setattr("annotate.faces.fec_import.ROWS_A_BATCH", 2_000)
    peaks = {}
    for count in (500, 8_000, 32_000):  # the first fills the caches
        file = write_csv(tmp_path / f"{count}.csv", rows(count, count // 10))
        outcome = []
        peaks[count] = peak_of(lambda file=file, outcome=outcome: outcome.append(import_fec(file)))
        assert outcome[0].rejected == count
        assert outcome[0].is_empty
    assert peaks[32_000] < 1.25 * peaks[8_000] + 1e6
    assert peaks[32_000] < 20e6


def test_a_line_without_end_is_not_read_at_once(import_fec, tmp_path):
    file = tmp_path / "endless.csv"
    with file.open("w") as out:
        for _ in range(60):
            out.write("x" * 1_000_000)
    assert peak_of(lambda: import_fec(file)) < 20e6


def test_labels_are_not_kept_in_memory(import_faces, tmp_path, images):
    """60,000 rows; in lists they would need some 25 MB."""
    lines = ([f"{number:06}.png", f"p{number % 97}", "glad"] for number in range(60_000))
    labels = write_csv(tmp_path / "labels.csv", [["image", "identity", "expression"], *lines])
    import_faces(images)  # fills the caches
    assert peak_of(lambda: import_faces(images, labels=labels)) < 10e6
