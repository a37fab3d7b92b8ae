"""The pages of data sets and the pictures of faces: who may open them, and what they show."""

import io
import re

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from PIL import Image

from annotate.faces.models import Dataset, Face, ImportedTriplet
from tests.factories import make_dataset, make_face, make_imported_triplet


@pytest.fixture
def actors(annotator, curator, admin):
    def client_of(user=None):
        client = Client()
        if user is not None:
            client.force_login(user)
        return client

    return {
        "stranger": client_of(), "annotator": client_of(annotator), "curator": client_of(curator),
        "admin": client_of(admin),
    }  # fmt: skip


@pytest.fixture
def dataset(db):
    """Ten faces of five people; two strong, one weak and one undecided triplet."""
    dataset = make_dataset()
    faces = [
        make_face(
            dataset, f"f{number}", split="val" if number >= 7 else "train", identity=f"p{number % 5}",
            expression="" if number == 9 else ("glad", "sad")[number % 2], smile=number / 10,
        )
        for number in range(10)
    ]  # fmt: skip
    make_imported_triplet(faces[:3])
    make_imported_triplet(faces[1:4])
    make_imported_triplet(faces[2:5], (1, 1, 1, 2, 2, 0))
    make_imported_triplet(faces[7:10], (1, 1, 1, 2, 2, 2))
    return dataset


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


@pytest.mark.parametrize(
    ("name", "arguments", "annotator_gets"),
    [("dataset-list", [], 403), ("dataset-detail", ["drawn"], 403), ("face-crop", ["face"], 200)],
)
def test_who_may(actors, dataset, name, arguments, annotator_gets):
    rows = {"face": dataset.faces.earliest("id").pk}
    url = reverse(name, args=[rows.get(argument, argument) for argument in arguments])
    expected = {"stranger": 302, "annotator": annotator_gets, "curator": 200, "admin": 200}
    for actor, client in actors.items():
        response = client.get(url)
        assert response.status_code == expected[actor], actor
        if actor == "stranger":
            assert response.url.startswith(reverse("login"))
        else:
            assert client.post(url).status_code == 405


def test_whoever_was_deactivated_sees_no_face(actors, annotator, dataset):
    annotator.is_active = False
    annotator.save()
    url = reverse("face-crop", args=[dataset.faces.earliest("id").pk])
    assert actors["annotator"].get(url).status_code == 302


def test_a_crop_is_served_as_a_jpeg_and_nothing_else(actors, dataset):
    face = dataset.faces.earliest("id")
    response = actors["annotator"].get(reverse("face-crop", args=[face.pk]))
    assert response.headers["Content-Type"] == "image/jpeg"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "private, max-age=86400"
    with default_storage.open(face.crop) as file:
        assert response.content == file.read()
    assert np.asarray(Image.open(io.BytesIO(response.content))).shape == (224, 224, 3)


def test_a_browser_asks_after_a_day_whether_the_crop_is_still_there(actors, dataset):
    face = dataset.faces.earliest("id")
    client, url = actors["annotator"], reverse("face-crop", args=[face.pk])
    etag = client.get(url).headers["ETag"]
    known = client.get(url, headers={"If-None-Match": etag})
    assert (known.status_code, known.content, known.headers["ETag"]) == (304, b"", etag)
    assert client.get(url, headers={"If-None-Match": '"other"'}).status_code == 200
    ImportedTriplet.objects.all().delete()
    face.delete()
    assert client.get(url, headers={"If-None-Match": etag}).status_code == 404


def test_a_crop_that_is_not_there(actors, dataset):
    face = dataset.faces.earliest("id")
    default_storage.delete(face.crop)
    client = actors["annotator"]
    assert client.get(reverse("face-crop", args=[face.pk])).status_code == 404
    assert client.get(reverse("face-crop", args=[face.pk + 1_000])).status_code == 404
    assert client.get("/faces/99999999999999999999/crop.jpg").status_code == 404


def test_without_data_the_list_says_what_to_run(actors):
    text = text_of(actors["curator"].get(reverse("dataset-list")))
    assert "No data set yet" in text
    assert "manage.py import_faces FOLDER --dataset NAME" in text
    assert "manage.py import_fec FILE.csv --dataset NAME --images FOLDER" in text


def test_the_list_counts(actors, dataset):
    make_dataset("empty")
    text = text_of(actors["curator"].get(reverse("dataset-list")))
    assert "drawn 10 5 2 2 1" in text
    assert "empty 0 0 0 0 0" in text


def test_a_data_set_counts_by_split_expression_and_strength(actors, dataset):
    text = text_of(actors["curator"].get(reverse("dataset-detail", args=["drawn"])))
    assert "train 2 1 0" in text
    assert "val 0 0 1" in text
    assert "glad 4 1" in text
    assert "sad 3 1" in text
    assert "not labelled 0 1" in text


def test_a_data_set_of_no_faces_says_what_to_do(actors):
    make_dataset("empty")
    text = text_of(actors["curator"].get(reverse("dataset-detail", args=["empty"])))
    assert "No face yet. How to import faces" in text


def test_a_page_needs_no_query_a_face(actors, dataset, django_assert_max_num_queries):
    url = reverse("dataset-detail", args=["drawn"])
    actors["curator"].get(url)
    with django_assert_max_num_queries(9):
        actors["curator"].get(url)


def test_nothing_is_inline(actors, dataset):
    for url in (reverse("dataset-list"), reverse("dataset-detail", args=["drawn"])):
        page = actors["curator"].get(url).content.decode()
        assert not re.search(r"\sstyle=|<style|\son\w+=|<script(?![^>]*src=)", page)


def test_admins_look_and_correct_labels_only(actors, dataset):
    face = dataset.faces.earliest("id")
    url = reverse("admin:faces_face_change", args=[face.pk])
    assert actors["curator"].get(url).status_code == 302
    assert reverse("face-crop", args=[face.pk]) in actors["admin"].get(url).content.decode()
    posted = {"identity": "p9", "expression": "calm", "split": "val", "key": "x"}
    assert actors["admin"].post(url, posted).status_code == 302
    face.refresh_from_db()
    assert (face.identity, face.expression, face.split, face.key) == ("p9", "calm", "train", "drawn:f0")
    for name in ("face", "dataset", "importedtriplet"):
        assert actors["admin"].get(reverse(f"admin:faces_{name}_changelist")).status_code == 200
        assert actors["admin"].get(reverse(f"admin:faces_{name}_add")).status_code == 403
    assert actors["admin"].post(reverse("admin:faces_face_delete", args=[face.pk])).status_code == 403
    assert Face.objects.count() == 10
    assert Dataset.objects.count() == 1
