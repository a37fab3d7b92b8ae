"""The wall: which faces it shows, in which order, page by page, and that the database counts triplets."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from annotate.curation import wall
from annotate.faces.models import Face, ImportedTriplet, Status
from tests.factories import make_dataset, make_imported_triplet


def client_of(user=None):
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def shown(response):
    """The faces on the wall, by the pictures' addresses."""
    return [int(face) for face in re.findall(r'src="/faces/(\d+)/crop.jpg"', response.content.decode())]


def make_row(dataset, name, **labels):
    """A face without a picture: the wall itself reads none."""
    return Face.objects.create(
        dataset=dataset, key=f"{dataset.name}:{name}", image=f"{name}.jpg", crop=f"{dataset.name}/{name}.jpg",
        crop_sha256="0" * 64, **labels,
    )  # fmt: skip


@pytest.fixture
def dataset(db, admin):
    """Ten faces of five people; faces 0 to 4 are in 1, 2, 3, 2 and 1 triplets, the last three in one."""
    dataset = make_dataset()
    faces = [
        make_row(
            dataset, f"f{number}", split="val" if number >= 7 else "train", identity=f"p{number % 5}",
            expression="" if number == 9 else ("glad", "sad")[number % 2],
        )
        for number in range(10)
    ]  # fmt: skip
    for trio in (faces[:3], faces[1:4], faces[2:5], faces[7:10]):
        make_imported_triplet(trio)
    dataset.faces.filter(key="drawn:f5").update(
        status=Status.SET_ASIDE,
        set_aside_reason="other",
        set_aside_by=admin,
        set_aside_at="2026-01-01T00:00Z",
    )
    make_row(make_dataset("drawn2"), "f0", expression="glad")
    return dataset


@pytest.fixture
def url(dataset):
    return reverse("dataset-wall", args=[dataset.name])


def test_who_may(url, annotator, curator, admin):
    assert client_of().get(url).url.startswith(reverse("login"))
    assert client_of(annotator).get(url).status_code == 403
    for user in (curator, admin):
        assert client_of(user).get(url).status_code == 200
        assert client_of(user).post(url).status_code == 405
    assert client_of(curator).get(reverse("dataset-wall", args=["nothing"])).status_code == 404


@pytest.mark.parametrize(
    ("query", "faces"),
    [
        ({}, range(10)),
        ({"split": "val"}, [7, 8, 9]),
        ({"expression": "sad"}, [1, 3, 5, 7]),
        ({"expression": "="}, [9]),
        ({"expression": "x' OR 1=1"}, []),
        ({"identity": "p1"}, [1, 6]),
        ({"split": "train", "expression": "glad", "identity": "p2"}, [2]),
        ({"identity": "nobody"}, []),
        ({"status": "set_aside"}, [5]),
        ({"status": "ready", "identity": "p0"}, [0]),
        ({"least": "2"}, [1, 2, 3]),
        ({"most": "0"}, [5, 6]),
        ({"least": "1", "most": "2", "split": "train"}, [0, 1, 3, 4]),
        ({"name": "f1"}, [1]),
        ({"name": "drawn:f"}, range(10)),
        ({"name": "f%"}, []),
        ({"order": "newest"}, range(9, -1, -1)),
        ({"order": "most"}, [2, 3, 1, 9, 8, 7, 4, 0, 6, 5]),
        ({"order": "fewest", "least": "2"}, [1, 3, 2]),
        ({"crop__startswith": "drawn/f1", "dataset__name": "x"}, range(10)),  # not on the list: no filter
    ],
)
def test_the_wall_is_filtered_and_ordered(url, dataset, curator, query, faces):
    ids = list(dataset.faces.order_by("id").values_list("id", flat=True))
    response = client_of(curator).get(url, query)
    assert shown(response) == [ids[place] for place in faces]
    if len(faces):
        assert f"{len(faces)} face" in text_of(response)
    else:
        assert "No face like this" in text_of(response)


@pytest.mark.parametrize(
    "query",
    [
        {"split": "test"}, {"status": "gone"}, {"order": "random"}, {"after": "-1"}, {"after": "9" * 30},
        {"from": "x"}, {"least": "3", "most": "2"}, {"least": "-1"}, {"most": "9" * 20},
    ],
)  # fmt: skip
def test_an_unknown_filter_shows_nothing_and_says_so(url, curator, query):
    response = client_of(curator).get(url, query)
    assert shown(response) == []
    assert "correct the filter above" in text_of(response)
    assert 'class="errorlist"' in response.content.decode()


@pytest.mark.parametrize("order", wall.Order.values)
def test_pages_meet_without_a_gap_in_both_directions(url, dataset, curator, monkeypatch, order):
    monkeypatch.setattr(wall, "PAGE", 3)
    client = client_of(curator)
    whole = [face for page in pages(client, f"{url}?order={order}", "More faces") for face in page]
    assert sorted(whole) == sorted(dataset.faces.values_list("id", flat=True))
    assert len(pages(client, f"{url}?order={order}", "More faces")) == 4
    back = pages(client, f"{url}?order={order}&from={whole[-1]}", "Earlier faces")
    assert [face for page in reversed(back) for face in page] == whole
    # For htmx the same, as parts to be put in; what is there already is not offered again.
    part = client.get(url, {"order": order, "after": whole[2]}, headers={"HX-Request": "true"})
    assert shown(part) == whole[3:6]
    assert "<html" not in part.content.decode()
    assert "Earlier faces" not in text_of(part)


def pages(client, address, link):
    """The faces of each page that one comes to by this link."""
    found = []
    while address:
        response = client.get(address)
        found.append(shown(response))
        hrefs = re.findall(rf'href="([^"]*)"[^>]*>{link}<', response.content.decode())
        address = hrefs[0].replace("&amp;", "&") if hrefs else ""
    return [page for page in found if page]


def test_a_place_whose_face_is_gone(url, dataset, curator):
    response = client_of(curator).get(url, {"order": "most", "after": "999999"})
    assert "is gone. Begin at the first one" in text_of(response)
    ids = list(dataset.faces.order_by("id").values_list("id", flat=True))
    dataset.faces.filter(key="drawn:f6").delete()
    assert shown(client_of(curator).get(url, {"from": ids[6]})) == ids[7:]


def test_large_numbers_are_not_counted_to_their_end(url, curator, monkeypatch):
    monkeypatch.setattr(wall, "MOST_COUNTED", 4)
    assert "More than 4 faces" in text_of(client_of(curator).get(url))
    assert "3 faces like this" in text_of(client_of(curator).get(url, {"split": "val"}))


def test_a_page_needs_no_query_a_face(url, curator, django_assert_max_num_queries):
    client = client_of(curator)
    with django_assert_max_num_queries(9):
        client.get(url)


def test_labels_are_offered_and_shown_as_text(url, dataset, curator):
    make_row(dataset, "evil", expression="<script>alert(1)</script>", identity='"><img src=x>')
    page = client_of(curator).get(url).content.decode()
    assert "<script>alert" not in page
    assert "<img src=x>" not in page
    assert wall.labels(dataset, "expression") == ["<script>alert(1)</script>", "glad", "sad"]
    assert wall.labels(dataset, "identity")[1:] == ["p0", "p1", "p2", "p3", "p4"]


def test_a_data_set_without_faces_says_what_to_do(curator):
    make_dataset("empty")
    assert "No face yet" in text_of(client_of(curator).get(reverse("dataset-wall", args=["empty"])))


def test_the_database_counts_the_triplets_of_each_face(dataset):
    def counted():
        return list(dataset.faces.order_by("id").values_list("imported_triplets", flat=True))

    assert counted() == [1, 2, 3, 2, 1, 0, 0, 1, 1, 1]
    ImportedTriplet.objects.order_by("id").first().delete()
    assert counted() == [0, 1, 2, 2, 1, 0, 0, 1, 1, 1]
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM faces_importedtriplet")
    assert counted() == [0] * 10
