"""Data sets laid out as they are distributed: read, written as labels.csv, refused with advice."""

import csv
import json

import numpy as np
import pytest

from annotate.faces.label_layout import parse_label, read_header
from model.datasets import NAMES
from model.datasets.labels_file import DATASETS, dataset_labels, write_labels
from model.datasets.layout import DatasetError
from tests.model.evaluation.test_report import command


def put(root, path, content=b"a picture"):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(content if isinstance(content, bytes) else content.encode())


def affectnet(root):
    box = "face_x,face_y,face_width,face_height,facial_landmarks"
    head = f"subDirectory_filePath,{box},expression,valence,arousal\n"
    for name, rows in (
        ("training", [(689, "a", 1), (689, "b", 10), (12, "c", 7)]),
        ("validation", [(1, "d", 0)]),
    ):
        lines = "".join(f"{folder}/{stem}.jpg,1,2,3,4,5;6,{code},0.1,0.2\n" for folder, stem, code in rows)
        put(root, f"Manually_Annotated_file_lists/{name}.csv", head + lines)
        for folder, stem, _ in rows:
            put(root, f"Manually_Annotated/Manually_Annotated_Images/{folder}/{stem}.jpg")
    return {
        "Manually_Annotated/Manually_Annotated_Images/689/a.jpg": ("", "happiness", "train"),
        "Manually_Annotated/Manually_Annotated_Images/12/c.jpg": ("", "contempt", "train"),
        "Manually_Annotated/Manually_Annotated_Images/1/d.jpg": ("", "neutral", "val"),
    }


def newer_affectnet(root):
    for folder, stem, code in (("train_set", "0", "6"), ("train_set", "11", "2"), ("val_set", "7", "3")):
        put(root, f"{folder}/images/{stem}.jpg")
        (root / folder / "annotations").mkdir(parents=True, exist_ok=True)
        np.save(root / folder / "annotations" / f"{stem}_exp.npy", np.array(code))
        np.save(root / folder / "annotations" / f"{stem}_val.npy", np.array("0.5"))
    return {
        "train_set/images/0.jpg": ("", "anger", "train"),
        "train_set/images/11.jpg": ("", "sadness", "train"),
        "val_set/images/7.jpg": ("", "surprise", "val"),
    }


def rafdb(root):
    put(
        root,
        "basic/EmoLabel/list_patition_label.txt",
        "train_00001.jpg 5\ntrain_00002.jpg 1\ntest_0001.jpg 7\n",
    )
    for name in ("train_00001", "train_00002", "test_0001"):
        put(root, f"basic/Image/aligned/{name}_aligned.jpg")
    return {
        "basic/Image/aligned/train_00001_aligned.jpg": ("", "sadness", "train"),
        "basic/Image/aligned/train_00002_aligned.jpg": ("", "surprise", "train"),
        "basic/Image/aligned/test_0001_aligned.jpg": ("", "neutral", "val"),
    }


def rafd(root):
    put(root, "Rafd090_01_Caucasian_female_angry_frontal.jpg")
    put(root, "045/Rafd045_61_Kid_male_contemptuous_left.jpg")
    put(root, "Rafd135_29_Moroccan_male_surprised_right.png")
    put(root, "notes_on_the_pictures.jpg")
    return {
        "045/Rafd045_61_Kid_male_contemptuous_left.jpg": ("61", "contempt", ""),
        "Rafd090_01_Caucasian_female_angry_frontal.jpg": ("01", "anger", ""),
        "Rafd135_29_Moroccan_male_surprised_right.png": ("29", "surprise", ""),
    }


def ckplus(root):
    for subject, sequence, last in (("S005", "001", 11), ("S010", "002", 4), ("S010", "003", 2)):
        for frame in range(1, last + 1):
            put(root, f"cohn-kanade-images/{subject}/{sequence}/{subject}_{sequence}_{frame:08}.png")
    put(root, "Emotion/S005/001/S005_001_00000011_emotion.txt", "   3.0000000e+00\n")
    put(root, "Emotion/S010/002/S010_002_00000004_emotion.txt", "   7.0000000e+00\n")
    (root / "Emotion/S010/003").mkdir()
    return {
        "cohn-kanade-images/S005/001/S005_001_00000001.png": ("S005", "neutral", ""),
        "cohn-kanade-images/S005/001/S005_001_00000011.png": ("S005", "disgust", ""),
        "cohn-kanade-images/S010/002/S010_002_00000001.png": ("S010", "neutral", ""),
        "cohn-kanade-images/S010/002/S010_002_00000004.png": ("S010", "surprise", ""),
    }


def mmi(root):
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    for session, stem, code in ((1, "S001-001", 4), (17, "S002-004", 1), (90, "S003-001", 9)):
        put(root, f"Sessions/{session}/session.xml", f'{head}<session><track view="0"/></session>')
        tag = f'<Metatag Name="Emotion" Value="{code}"/>'
        put(root, f"Sessions/{session}/{stem}.xml", f"{head}<ActionUnitCoding>{tag}</ActionUnitCoding>")
    put(root, "Sessions/1/S001-001.avi")
    for frame in range(1, 8):
        put(root, f"Sessions/1/S001-001/{frame:04}.png")
    put(root, "Sessions/17/S002-004.jpg")
    return {
        "Sessions/1/S001-001/0001.png": ("S001", "neutral", ""),
        "Sessions/1/S001-001/0004.png": ("S001", "happiness", ""),
        "Sessions/17/S002-004.jpg": ("S002", "anger", ""),
    }


def celeba(root):
    put(root, "identity_CelebA.txt", "000001.jpg 2880\n000002.jpg 2937\n000003.jpg 2880\n")
    put(root, "list_eval_partition.txt", "000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n")
    put(
        root,
        "list_attr_celeba.txt",
        "3\nBald Smiling Young\n000001.jpg -1  1  1\n000002.jpg  1 -1 -1\n000003.jpg 1 1 1\n",
    )
    for number in (1, 2, 3):
        put(root, f"img_align_celeba/{number:06}.jpg")
    return {
        "img_align_celeba/000001.jpg": ("2880", "smiling", "train"),
        "img_align_celeba/000002.jpg": ("2937", "not_smiling", "val"),
        "img_align_celeba/000003.jpg": ("2880", "smiling", "val"),
    }


LAID_OUT = [
    ("affectnet", affectnet), ("affectnet", newer_affectnet), ("rafdb", rafdb), ("rafd", rafd),
    ("ckplus", ckplus), ("mmi", mmi), ("celeba", celeba),
]  # fmt: skip


def test_every_data_set_is_laid_out_here():
    assert tuple(sorted(DATASETS)) == NAMES == tuple(sorted({name for name, _ in LAID_OUT}))


@pytest.mark.parametrize(("name", "lay_out"), LAID_OUT)
def test_its_labels_are_those_that_the_importers_take(tmp_path, name, lay_out):
    expected = lay_out(tmp_path)
    output = tmp_path / "labels.csv"
    assert write_labels(name, tmp_path, output) == len(expected)
    with output.open(newline="") as file:
        head, *rows = csv.reader(file)
    columns = read_header(head)
    found = [parse_label(columns, cells) for cells in rows]
    assert {label.image: (label.identity, label.expression, label.split) for label in found} == expected
    labels = dataset_labels(name, tmp_path)
    assert labels.names == tuple(label.image for label in found)
    shown = [labels.expressions[code] for code in labels.expression]
    assert shown == [label.expression for label in found]


@pytest.mark.parametrize(("name", "lay_out"), LAID_OUT)
def test_a_missing_picture_is_named_and_where_to_ask(tmp_path, name, lay_out):
    first = min(lay_out(tmp_path))
    (tmp_path / first).unlink()
    if name in ("rafd", "ckplus", "mmi"):  # what is not there is not looked for: the rest is
        for path in tmp_path.rglob("*.[jp][pn]g"):
            path.unlink()
    with pytest.raises(DatasetError) as caught:
        dataset_labels(name, tmp_path)
    assert DATASETS[name].asked_for in str(caught.value)
    assert DATASETS[name].layout in str(caught.value)
    assert "not there" in str(caught.value) or "no " in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_folder_or_none(tmp_path, name):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DatasetError, match="is laid out as"):
            dataset_labels(name, folder)


@pytest.mark.parametrize(
    ("name", "lay_out", "path", "content", "message"),
    [
        ("rafdb", rafdb, "basic/EmoLabel/list_patition_label.txt", "train_00001.jpg 8\n", "has the number 8"),
        ("rafdb", rafdb, "basic/EmoLabel/list_patition_label.txt", "train_00001.jpg\n", "line 1: 1 columns"),
        ("affectnet", affectnet, "Manually_Annotated_file_lists/training.csv", "a,b\n1,2\n", "no column"),
        ("affectnet", newer_affectnet, "train_set/annotations/0_exp.npy", "torn", "0_exp.npy: not readable"),
        ("ckplus", ckplus, "Emotion/S005/001/S005_001_00000011_emotion.txt", "", "emotion.txt: empty"),
        ("mmi", mmi, "Sessions/17/S002-004.xml", "<torn", "S002-004.xml: not XML"),
        ("celeba", celeba, "list_eval_partition.txt", "000001.jpg 0\n", "000002.jpg is of no part"),
        ("celeba", celeba, "list_attr_celeba.txt", "3\nBald\n", "no attribute Smiling"),
    ],
)
def test_what_is_amiss_is_named(tmp_path, name, lay_out, path, content, message):
    lay_out(tmp_path)
    put(tmp_path, path, content)
    with pytest.raises(DatasetError, match=message):
        dataset_labels(name, tmp_path)


def test_a_video_without_frames_says_how_to_take_them_out(tmp_path):
    mmi(tmp_path)
    for path in (tmp_path / "Sessions/1/S001-001").iterdir():
        path.unlink()
    with pytest.raises(DatasetError, match=r"ffmpeg -i .*S001-001\.avi"):
        dataset_labels("mmi", tmp_path)


def test_by_the_command_line(tmp_path):
    rafd(tmp_path)
    done = command("datasets", "rafd", "--root", tmp_path, "--output", tmp_path / "labels.csv")
    assert (done.status, json.loads(done.out)["pictures"]) == (0, 3)
    done = command("datasets", "rafd", "--root", tmp_path, "--output", tmp_path / "no" / "labels.csv")
    assert (done.status, "no such folder" in done.err) == (1, True)


def test_a_folder_to_import_holds_the_labelled_pictures_alone(tmp_path):
    expected = ckplus(tmp_path / "original")
    folder = tmp_path / "faces"
    arguments = ("datasets", "ckplus", "--root", tmp_path / "original", "--folder", folder)
    assert command(*arguments).status == 0
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*.png")}
    assert there == set(expected)
    assert len((folder / "labels.csv").read_text().splitlines()) == 5
    again = command(*arguments)
    assert (again.status, "is there already: name a new folder" in again.err) == (1, True)
