"""Drawn pictures, FEC rows and a storage of each test's own; imports that are told in one line."""

import copy
import csv
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from PIL import Image

from annotate.faces.fec_import import import_triplets
from annotate.faces.folder_import import import_folder
from config.environment import BASE_DIR

SHARED = BASE_DIR.parent / "shared" / "data"
BOX = ("0.1", "0.9", "0.05", "0.95")
RATERS = ("r1", "r2", "r3", "r4", "r5", "r6")


@pytest.fixture(autouse=True)
def storage(settings, tmp_path):
    """Where this test's crops are kept."""
    storages = copy.deepcopy(settings.STORAGES)
    storages["default"]["OPTIONS"]["location"] = str(tmp_path / "storage")
    settings.STORAGES = storages
    return tmp_path / "storage"


def stored_crops(storage):
    """Every file in the storage, by its name there."""
    return sorted(str(path.relative_to(storage)) for path in storage.rglob("*") if path.is_file())


def picture(path, colour=(200, 150, 120), size=(64, 64)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


def fec_row(*images, answers=(3, 3, 3, 3, 3, 1), kind="TWO_CLASS_TRIPLET", box=BOX, raters=RATERS):
    """The cells of a row; images are names, or whole URLs."""
    urls = [image if "/" in image else f"http://faces.invalid/some/{image}" for image in images]
    pairs = [cell for pair in zip(raters, map(str, answers), strict=True) for cell in pair]
    return [cell for url in urls for cell in (url, *box)] + [kind, *pairs]


def write_csv(path, rows):
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return Path(path)


def read_rejects(path):
    """(file name, row, reason) of each line of a rejects file; nothing where there is none."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [(Path(row["file"]).name, row["row"] and int(row["row"]), row["reason"]) for row in rows]


@pytest.fixture
def images(tmp_path):
    """A folder of six pictures, a.png to f.png."""
    folder = tmp_path / "images"
    for number, name in enumerate("abcdef"):
        picture(folder / f"{name}.png", colour=(40 * number, 100, 90))
    return folder


class Importer:
    """Calls a service with what a test does not care about filled in."""

    def __init__(self, tmp_path, service, **fixed):
        self.tmp_path, self.service, self.fixed = tmp_path, service, fixed
        self.rejects_file = tmp_path / "rejects.csv"

    def __call__(self, source, **options):
        arguments = {"dataset": "set", "split": "train", "rejects": self.rejects_file} | self.fixed | options
        self.rejects_file.unlink(missing_ok=True)
        return self.service(source, **arguments)

    def of_rows(self, rows, **options):
        return self(write_csv(self.tmp_path / "triplets.csv", rows), **options)

    @property
    def rejects(self):
        return read_rejects(self.rejects_file)


@pytest.fixture
def import_fec(db, tmp_path, images):
    return Importer(tmp_path, import_triplets, images=images)


@pytest.fixture
def import_faces(db, tmp_path):
    return Importer(tmp_path, import_folder, prealigned=True)


def read_crop(face):
    with default_storage.open(face.crop) as file:
        return file.read()
