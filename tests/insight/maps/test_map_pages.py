"""The pages of maps and selections: who may, what they show, and the points as their script reads them."""

import gzip
import json
import re

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone

from annotate.campaigns.models import Campaign
from annotate.faces.models import Face
from annotate.insight.models import ExpressionMap, FaceSelection
from annotate.insight.selections import make_selection
from annotate.training import jobs
from tests.factories import make_dataset, make_imported_triplet
from tests.insight.maps.conftest import EXPRESSIONS, make_rows

NOW = timezone.now()


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def unpacked(body):
    length = int.from_bytes(body[:4], "little")
    header = json.loads(body[4 : 4 + length])
    columns, place = {}, 4 + length
    for name, kind in header["columns"]:
        columns[name] = np.frombuffer(body, f"<{kind}", header["n"], place)
        place += 4 * header["n"]
    assert place == len(body)
    return header, columns


@pytest.fixture
def selection(make_map, dataset, curator):
    faces = list(dataset.faces.order_by("pk").values_list("pk", flat=True)[:8])
    return make_selection(faces, name="corner", on=make_map(), by=curator, at=NOW)


@pytest.mark.parametrize(
    ("method", "name", "status"),
    [
        ("get", "map-list", 200), ("post", "map-list", 200), ("get", "map-detail", 200),
        ("get", "map-live", 200), ("post", "map-again", 302), ("post", "map-remove", 302),
        ("get", "map-points", 200), ("get", "map-disagreement", 200), ("post", "selection-create", 302),
        ("get", "selection-detail", 200), ("post", "selection-remove", 302),
        ("get", "selection-campaign", 200), ("post", "selection-campaign", 200),
        ("get", "review-selection", 200), ("post", "review-selection", 302),
    ],
)  # fmt: skip
def test_who_may(actors, selection, method, name, status):
    of = {
        "map-list": [], "selection-create": [], "selection-detail": [selection.pk],
        "selection-remove": [selection.pk], "selection-campaign": [selection.pk, "drawn"],
        "review-selection": ["drawn", selection.pk],
    }  # fmt: skip
    url = reverse(name, args=of.get(name, [selection.map_id]))
    for actor, expected in (("stranger", 302), ("annotator", 403), ("curator", status)):
        response = getattr(actors[actor], method)(url)
        assert response.status_code == expected, actor
        if actor == "stranger":
            assert response.url.startswith(reverse("login"))
        if actor != "curator":
            assert ExpressionMap.objects.count() == FaceSelection.objects.count() == 1
    if method == "get":
        assert actors["admin"].get(url).status_code == 200


@pytest.mark.parametrize("name", ["map-again", "map-remove", "selection-remove"])
def test_looking_changes_nothing(actors, selection, name):
    of = selection.pk if name.startswith("selection") else selection.map_id
    assert actors["curator"].get(reverse(name, args=[of])).status_code == 405
    assert ExpressionMap.objects.count() == FaceSelection.objects.count() == 1


def test_a_map_is_asked_for(actors, version, dataset, django_capture_on_commit_callbacks):
    page = actors["curator"].get(reverse("map-list"), {"version": version.pk})
    assert "No map yet" in text_of(page)
    assert f'value="{dataset.pk}" id="id_datasets_0" checked' in page.content.decode()
    form = {
        "version": version.pk,
        "datasets": [dataset.pk],
        "method": "umap",
        "perplexity": 30,
        "neighbours": 8,
        "seed": 2,
    }
    with django_capture_on_commit_callbacks() as sent:
        answer = actors["curator"].post(reverse("map-list"), form)
    asked = ExpressionMap.objects.get()
    assert len(sent) == 1
    assert answer.url == reverse("map-detail", args=[asked.pk])
    assert (asked.setting, asked.seed, [*asked.datasets.all()]) == ("8 neighbours", 2, [dataset])
    page = actors["curator"].get(answer.url)
    assert "It waits for a worker of the cpu queue" in text_of(page)
    assert f'data-live-url="/maps/{asked.pk}/live/"' in page.content.decode()
    claim = jobs.claim(ExpressionMap, asked.pk, "worker:1", NOW)
    jobs.report(claim, NOW, 0.25, "embedding drawn")
    part = actors["curator"].get(reverse("map-live", args=[asked.pk]))
    assert "It is being made: embedding drawn" in text_of(part)
    jobs.end(claim, NOW, "The disk is full.")
    page = text_of(actors["curator"].get(answer.url))
    assert "The map was not made: The disk is full. What was embedded is kept. Try again" in page
    assert "failed" in text_of(actors["curator"].get(reverse("map-list")))


@pytest.mark.parametrize(
    "wrong", [{"method": "pca"}, {"perplexity": 1}, {"neighbours": 1}, {"datasets": []}, {"version": 0}]
)
def test_nonsense_is_not_asked_for(actors, version, dataset, wrong):
    form = {
        "version": version.pk,
        "datasets": [dataset.pk],
        "method": "tsne",
        "perplexity": 30,
        "neighbours": 15,
        "seed": 0,
    }
    page = actors["curator"].post(reverse("map-list"), form | wrong)
    assert 'class="errorlist"' in page.content.decode()
    assert not ExpressionMap.objects.exists()


def test_without_a_version_it_says_where_to_get_one(actors, db):
    assert "No faces yet" in text_of(actors["curator"].get(reverse("map-list")))
    make_dataset("drawn")
    assert "No model version yet" in text_of(actors["curator"].get(reverse("map-list")))


def test_the_points_are_packed(actors, make_map, dataset):
    asked = make_map()
    url = reverse("map-points", args=[asked.pk])
    answer = actors["curator"].get(url, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    body = gzip.decompress(answer.content)
    assert body == actors["curator"].get(url).content
    header, columns = unpacked(body)
    faces = list(dataset.faces.order_by("pk"))
    assert columns["face"].tolist() == [face.pk for face in faces]
    assert columns["x"].tolist() == list(map(float, range(24)))
    assert header["names"]["expression"] == sorted(EXPRESSIONS)
    for name in ("expression", "identity", "split"):
        texts = [header["names"][name][code] for code in columns[name]]
        assert texts == [getattr(face, name) for face in faces]
    assert header["names"]["dataset"] == ["drawn"]
    # It is not sent again until something changes: a label, or a face that is erased.
    etag = answer.headers["ETag"]
    again = actors["curator"].get(url, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    Face.objects.filter(pk=faces[0].pk).update(expression="sly")
    assert actors["curator"].get(url, headers={"If-None-Match": etag}).status_code == 200


def test_disagreement_is_packed(actors, make_map, dataset):
    faces = list(dataset.faces.order_by("pk")[:3])
    url = reverse("map-disagreement", args=[make_map().pk])
    assert unpacked(actors["curator"].get(url).content)[0]["n"] == 0
    for other in dataset.faces.order_by("pk")[4:7]:
        make_imported_triplet([*faces[:2], other], (3, 3, 3, 3, 1, 1))
    _, columns = unpacked(actors["curator"].get(url).content)
    assert columns["face"].tolist() == [face.pk for face in faces[:2]]
    assert columns["disagreement"].tolist() == pytest.approx([1.5 * 8 / 15] * 2)
    assert columns["questions"].tolist() == [3, 3]


def test_a_maps_page_says_in_words_what_it_shows(actors, make_map, version):
    asked, other = make_map(), make_map(method="umap", seed=4)
    page = text_of(actors["curator"].get(reverse("map-detail", args=[asked.pk])))
    assert "t-SNE, perplexity 30, seed 0 24 0.938 0.913" in page
    assert "24 faces Expression Faces not labelled 6 calm 6 glad 6 glum 6" in page
    both = actors["curator"].get(reverse("map-detail", args=[asked.pk]), {"beside": other.pk})
    assert f"Map {asked.pk} beside map {other.pk}" in text_of(both)
    assert both.content.decode().count("data-map=") == 2
    wrong = actors["curator"].get(reverse("map-detail", args=[asked.pk]), {"beside": asked.pk})
    assert wrong.content.decode().count("data-map=") == 1


def test_a_selection_of_one_data_set_goes_to_its_wall(actors, make_map, dataset):
    asked = make_map()
    faces = list(dataset.faces.order_by("pk").values_list("pk", flat=True)[:5])
    form = {"faces": ",".join(map(str, faces)), "map": asked.pk, "name": ""}
    answer = actors["curator"].post(reverse("selection-create"), form, follow=True)
    kept = FaceSelection.objects.get()
    assert answer.redirect_chain == [(f"/data/drawn/faces/?selection={kept.pk}", 302)]
    assert re.findall(r'src="/faces/(\d+)/crop.jpg"', answer.content.decode()) == list(map(str, faces))
    assert f"Only the selection “5 faces of map {asked.pk}”" in text_of(answer)
    assert "5 faces like this" in text_of(answer)
    # The wall's own filter goes on within it.
    glad = actors["curator"].get(answer.wsgi_request.path, {"selection": kept.pk, "expression": "glad"})
    assert "1 face like this" in text_of(glad)
    assert f'name="selection" value="{kept.pk}"' in glad.content.decode()
    actors["curator"].post(reverse("selection-remove", args=[kept.pk]))
    gone = text_of(actors["curator"].get(answer.wsgi_request.path, {"selection": kept.pk}))
    assert "That selection is forgotten" in gone


def test_a_selection_of_several_data_sets_has_a_page(actors, dataset):
    other = make_dataset("other")
    faces = [dataset.faces.first(), *make_rows(other, 2)]
    form = {"faces": ",".join(str(face.pk) for face in faces), "name": "odd ones"}
    answer = actors["curator"].post(reverse("selection-create"), form, follow=True)
    kept = FaceSelection.objects.get()
    assert answer.redirect_chain == [(f"/selections/{kept.pk}/", 302)]
    assert "1 face of drawn" in text_of(answer)
    assert "2 faces of other" in text_of(answer)


@pytest.mark.parametrize("faces", ["", "1,x", "9" * 20, "-3", "1,", "999999999"])
def test_what_is_no_list_of_faces_is_refused(actors, make_map, faces):
    asked = make_map()
    answer = actors["curator"].post(
        reverse("selection-create"), {"faces": faces, "map": asked.pk}, follow=True
    )
    assert answer.redirect_chain == [(f"/maps/{asked.pk}/", 302)]
    assert "message-error" in answer.content.decode()
    assert not FaceSelection.objects.exists()


def campaign_form(**changed):
    form = {
        "name": "From a map", "draw_from": "", "groups": 3, "k": 4, "seed": 1, "repetitions": 1,
        "assignment": "spread", "max_uncertain": 3, "gold": 0, "gold_rate": 0.05, "pause_after_minutes": 25,
        "extra_comparisons": 0, "extra_confidence": 0.9,
    }  # fmt: skip
    return form | changed


def test_a_campaign_is_started_with_a_selections_faces_as_anchors(actors, selection):
    url = reverse("selection-campaign", args=[selection.pk, "drawn"])
    assert "Its anchors are the 8 faces of “corner” in drawn" in text_of(actors["curator"].get(url))
    answer = actors["curator"].post(url, campaign_form())
    campaign = Campaign.objects.get()
    assert answer.url == reverse("campaign-detail", args=[campaign.pk])
    anchors = set(campaign.groups.values_list("anchor", flat=True))
    assert len(anchors) == 3
    assert anchors <= set(selection.faces.values_list("pk", flat=True))
    too_many = actors["curator"].post(url, campaign_form(name="More", groups=9))
    assert "less than or equal to 8" in text_of(too_many)


def test_faces_that_can_be_no_anchors_make_no_campaign(actors, make_map, dataset, curator):
    bare = dataset.faces.filter(expression="").values_list("pk", flat=True)
    kept = make_selection(list(bare), name="bare", on=None, by=curator, at=NOW)
    answer = actors["curator"].post(reverse("selection-campaign", args=[kept.pk, "drawn"]), campaign_form())
    assert "None of the 6 faces chosen can be an anchor" in text_of(answer)
    assert not Campaign.objects.exists()
    assert actors["curator"].get(reverse("selection-campaign", args=[kept.pk, "other"])).status_code == 404


def test_a_selection_is_reviewed(actors, selection, dataset):
    url = reverse("review-selection", args=["drawn", selection.pk])
    faces = list(selection.faces.order_by("pk").values_list("pk", flat=True))
    page = actors["curator"].get(url).content.decode()
    assert re.findall(r'name="face" value="(\d+)"', page) == list(map(str, faces))
    answer = actors["curator"].post(url, {"face": faces, "marked": faces[:2]}, follow=True)
    assert "All of it is reviewed" in text_of(answer)
    assert set(dataset.faces.set_aside().values_list("pk", flat=True)) == set(faces[:2])
    form = {"which": "selection", "selection": selection.pk}
    undone = actors["curator"].post(reverse("review-undo", args=["drawn"]), form, follow=True)
    assert undone.redirect_chain == [(url, 302)]
    assert "Your last decision is taken back" in text_of(undone)
    assert not dataset.faces.set_aside().exists()
