"""The two commands: what they say, how they end, and what ends them before anything is written."""

import io

import pytest
from django.core.management import CommandError, call_command

from annotate.faces.models import Dataset, Face, ImportedTriplet
from tests.faces.conftest import fec_row, read_rejects, stored_crops, write_csv

pytestmark = pytest.mark.django_db
ROWS = [fec_row("a.png", "b.png", "c.png"), fec_row("d.png", "e.png", "f.png")]


@pytest.fixture
def run(tmp_path, settings, capsys):
    """Runs a command and returns what it says on standard error."""
    settings.STATE_DIR = tmp_path / "var"

    def command(name, *arguments):
        said = io.StringIO()
        call_command(name, *map(str, arguments), "--dataset", "set", stderr=said)
        return said.getvalue()

    return command


@pytest.fixture
def file(tmp_path):
    return write_csv(tmp_path / "triplets.csv", ROWS)


def test_import_fec_tells_what_it_did(run, file, images):
    assert run("import_fec", file, "--images", images) == (
        "Data set set: 6 faces added, 0 were there already; 2 train triplets added, 0 were there already.\n"
    )
    assert run("import_fec", file, "--images", images) == (
        "Data set set: 0 faces added, 6 were there already; 0 train triplets added, 2 were there already.\n"
    )


def test_import_faces_tells_what_it_did(run, images):
    said = run("import_faces", images, "--prealigned", "--split", "val")
    assert said == "Data set set: 6 faces added, 0 were there already.\n"
    assert Face.objects.filter(split="val").count() == 6


def test_progress_is_on_standard_error(run, file, images, capsys):
    run("import_fec", file, "--images", images)
    out, err = capsys.readouterr()
    assert not out
    assert "rows: 100%" in err
    assert "faces: 100%" in err


def test_without_rejects_no_file_is_left(run, tmp_path, file, images):
    run("import_fec", file, "--images", images)
    assert not list((tmp_path / "var" / "rejects").iterdir())


def test_rejects_are_told_and_lie_under_var(run, tmp_path, file, images):
    (images / "f.png").unlink()
    said = run("import_fec", file, "--images", images)
    (rejects,) = (tmp_path / "var" / "rejects").iterdir()
    assert rejects.name.startswith("import_fec-set-")
    assert f"1 rows or pictures were rejected; {rejects} says why." in said
    assert read_rejects(rejects) == [("triplets.csv", 2, "face 3 (f.png): the picture is missing")]
    assert (Face.objects.count(), ImportedTriplet.objects.count()) == (3, 1)


def test_rejects_in_a_file_of_ones_choice(run, tmp_path, images):
    chosen = tmp_path / "chosen" / "why.csv"
    run("import_faces", images, "--prealigned", "--rejects", chosen)
    assert chosen.read_text() == "file,row,reason\n"


def test_nothing_but_rejects_is_a_failure(run, file, images, tmp_path, storage):
    for name in "abcdef":
        (images / f"{name}.png").write_bytes(b"")
    with pytest.raises(
        CommandError, match=r"all 2 rows or pictures were rejected. .*import_fec-set-.* says why"
    ):
        run("import_fec", file, "--images", images)
    assert not Dataset.objects.exists()
    assert not stored_crops(storage)
    assert len(read_rejects(next((tmp_path / "var" / "rejects").iterdir()))) == 2


def write(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (lambda here: ["import_faces", here / "nowhere"], r"nowhere is no folder"),
        (lambda here: ["import_faces", here / "triplets.csv"], r"triplets\.csv is no folder"),
        (
            lambda here: ["import_faces", here / "images", "--labels", here / "none.csv"],
            r"There is no file .*none\.csv",
        ),
        (
            lambda here: [
                "import_faces", here / "images", "--labels", write(here / "l.csv", b"a.png,p1,glad\n"),
            ],
            r"l\.csv can not be used: it has no header: its first line must name the columns",
        ),
        (
            lambda here: [
                "import_faces", here / "images", "--labels",
                write(here / "l.csv", "image,identity\n".encode("utf-16")),
            ],
            r"l\.csv is not UTF-8",
        ),
        (
            lambda here: ["import_faces", here / "images", "--labels", write(here / "l.csv", b"")],
            r"l\.csv is empty",
        ),
        (
            lambda here: ["import_fec", here / "none.csv", "--images", here / "images"],
            r"none\.csv can not be read: No such file",
        ),
        (lambda here: ["import_fec", here / "triplets.csv", "--images", here / "no"], r"no is no folder"),
        (
            lambda here: [
                "import_fec", write(here / "t.csv", "x".encode("utf-16")), "--images", here / "images",
            ],
            r"t\.csv is not UTF-8.*Save it",
        ),
        (
            lambda here: ["import_fec", write(here / "t.csv", b"\n\n"), "--images", here / "images"],
            r"t\.csv has no rows",
        ),
        (
            lambda here: ["import_fec", here / "triplets.csv", "--images", here / "images", "--workers", "0"],
            r"--workers must be at least 1",
        ),
    ],
)  # fmt: skip
def test_what_can_not_begin_writes_nothing(run, tmp_path, file, images, storage, arguments, message):
    with pytest.raises(CommandError, match=message):
        run(*arguments(tmp_path))
    assert not Dataset.objects.exists()
    assert not stored_crops(storage)


@pytest.mark.parametrize("name", ["user", "a/b", "../x", "", "-x", "a b", "é", "x" * 101])
def test_a_data_set_may_not_have_any_name(run, file, images, name):
    with pytest.raises(CommandError, match=r"name|characters|blank"):
        call_command("import_fec", str(file), "--images", str(images), f"--dataset={name}")
    assert not Dataset.objects.exists()


def test_a_rejects_file_that_can_not_be_written_ends_the_import(run, file, images, tmp_path):
    (images / "f.png").unlink()
    (tmp_path / "folder").mkdir()
    with pytest.raises(
        CommandError, match=r"folder can not be written: Is a directory. Nothing was imported"
    ):
        run("import_fec", file, "--images", images, "--rejects", tmp_path / "folder")
    assert not Face.objects.exists()
