"""Maps from being asked for to their points: by the real network, and whatever happens meanwhile."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from annotate.insight.map_worker import lay_out
from annotate.insight.maps import ask_for_map, class_counts, enter_points, remove_map
from annotate.insight.models import ExpressionMap, FaceSelection, MapPoint
from annotate.insight.selections import CannotSelect, datasets_of, make_selection
from annotate.insight.tasks import TASKS, lay_out_map
from annotate.training import jobs
from annotate.training.job_worker import Stopped, Watch
from annotate.training.models import LOST_AFTER, Embedding
from model.build import build_network
from model.checkpoint import Description, save_checkpoint
from model.network import NetworkConfig
from tests.factories import draw_face, make_dataset
from tests.insight.maps.conftest import FIGURES, SETTINGS, make_rows

NOW = timezone.now()


def asked_for(version, datasets, by, **settings):
    return ask_for_map(version, datasets, by, NOW, **(SETTINGS | settings))


@pytest.mark.slow
def test_a_worker_embeds_what_is_missing_and_lays_it_out(version, dataset, curator):
    """Six faces of another data set have no embedding yet; two of them have no picture either."""
    other = make_dataset("other")
    for number, face in enumerate(make_rows(other, 6)):
        if number < 4:
            picture = draw_face(number / 4, 100 + 30 * number)
            default_storage.save(face.crop, ContentFile(picture))
            face.crop_sha256 = hashlib.sha256(picture).hexdigest()
            face.save(update_fields=["crop_sha256"])
    folder = Path(settings.RUNS_DIR) / version.folder
    shutil.rmtree(folder)
    torch.manual_seed(0)
    config = NetworkConfig(size=32)
    network = build_network(config)
    with torch.no_grad():
        for parameter in network.deviation.face.parameters():
            parameter.mul_(1 + 0.5 * torch.rand_like(parameter))
    save_checkpoint(folder, network, None, Description(config))
    asked = asked_for(version, [dataset, other], curator)
    lay_out_map(job_id=asked.pk)
    asked.refresh_from_db()
    assert (asked.error, asked.is_done, asked.progress) == ("", True, 1.0)
    assert "other: 2 faces have no embedding" in asked.notes
    assert version.embeddings.count() == 28
    assert asked.points.count() == asked.figures["n"] == 28
    assert asked.figures["trustworthiness"] > 0.8
    places = np.array(asked.points.filter(face__dataset=dataset).values_list("face__expression", "x", "y"))
    # Faces of one expression are nearer to each other than to the others.
    points, shown = places[:, 1:].astype(float), places[:, 0]
    spread = np.mean(
        [np.linalg.norm(points[shown == e] - points[shown == e].mean(0), axis=1).mean() for e in set(shown)]
    )
    assert spread < np.linalg.norm(points - points.mean(0), axis=1).mean() / 2
    assert not [one for one in (Path(settings.STATE_DIR) / "at-hand").iterdir() if one.name != "mutex"]
    # A message that comes twice does nothing.
    lay_out_map(job_id=asked.pk)
    assert asked.points.count() == 28


def test_without_faces_it_fails_and_says_what_to_do(version, curator):
    asked = asked_for(version, [make_dataset("empty")], curator)
    lay_out_map(job_id=asked.pk)
    asked.refresh_from_db()
    assert "have no faces. Import some" in asked.error


def test_the_same_is_not_asked_for_twice(version, dataset, curator):
    first = asked_for(version, [dataset], curator)
    assert asked_for(version, [dataset], curator).pk == first.pk
    assert asked_for(version, [dataset], curator, seed=1).pk != first.pk
    assert asked_for(version, [dataset, make_dataset("other")], curator).pk != first.pk
    ExpressionMap.objects.filter(pk=first.pk).update(ended_at=NOW)
    assert asked_for(version, [dataset], curator).pk != first.pk


def test_a_lost_worker_is_followed_by_another(version, dataset, curator):
    asked = asked_for(version, [dataset], curator)
    jobs.claim(ExpressionMap, asked.pk, "lost:1", NOW - 2 * LOST_AFTER)
    assert jobs.recover(ExpressionMap, NOW) == [asked.pk]
    assert TASKS[ExpressionMap] is lay_out_map


def test_who_was_taken_for_lost_enters_nothing(version, dataset, curator):
    asked = asked_for(version, [dataset], curator)
    claim = jobs.claim(ExpressionMap, asked.pk, "lost:1", NOW)
    remove_map(asked.pk)
    with pytest.raises(Stopped):
        lay_out(asked, Watch(claim))
    assert not MapPoint.objects.exists()


def test_points_of_faces_that_are_gone_are_left_out(version, dataset, curator):
    asked = asked_for(version, [dataset], curator)
    faces = list(dataset.faces.order_by("pk"))
    first = faces[0].pk
    Embedding.objects.filter(face=first).delete()
    faces[0].delete()
    assert enter_points(asked, ((face.pk or first, 1.0, 2.0) for face in faces), FIGURES, "") == 23
    # A second try takes the place of the first.
    assert enter_points(asked, [(faces[1].pk, 0.5, 0.25)], FIGURES, "none") == 1
    assert list(asked.points.values_list("face", "x", "y")) == [(faces[1].pk, 0.5, 0.25)]


def test_an_erased_face_leaves_maps_and_selections(make_map, dataset, curator):
    asked = make_map()
    faces = list(dataset.faces.order_by("pk")[:3])
    kept = make_selection([face.pk for face in faces], name="", on=asked, by=curator, at=NOW)
    assert kept.name == f"3 faces of map {asked.pk}"
    Embedding.objects.filter(face=faces[0]).delete()
    faces[0].delete()
    assert asked.points.count() == 23
    assert list(kept.faces.order_by("pk")) == faces[1:]


def test_classes_are_counted(make_map):
    assert [(row["face__expression"], row["count"]) for row in class_counts(make_map())] == [
        ("", 6), ("calm", 6), ("glad", 6), ("glum", 6),
    ]  # fmt: skip


def test_a_selection_of_nobody_or_of_too_many_is_refused(dataset, curator, monkeypatch):
    faces = list(dataset.faces.values_list("pk", flat=True))
    with pytest.raises(CannotSelect, match="No face is selected"):
        make_selection([faces[-1] + 1000], name="", on=None, by=curator, at=NOW)
    monkeypatch.setattr("annotate.insight.selections.MOST_SELECTED", 2)
    with pytest.raises(CannotSelect, match="at most 2"):
        make_selection(faces[:3], name="", on=None, by=curator, at=NOW)
    assert not FaceSelection.objects.exists()


def test_a_selection_knows_its_data_sets(dataset, curator):
    other = make_dataset("other")
    faces = [*dataset.faces.all()[:5], *make_rows(other, 2)]
    kept = make_selection([face.pk for face in faces], name="mine", on=None, by=curator, at=NOW)
    assert [(one.name, one.selected_count) for one in datasets_of(kept)] == [("drawn", 5), ("other", 2)]


def test_a_map_that_is_removed_leaves_its_selections(make_map, dataset, curator):
    asked = make_map()
    kept = make_selection([dataset.faces.first().pk], name="", on=asked, by=curator, at=NOW)
    remove_map(asked.pk)
    kept.refresh_from_db()
    assert (kept.map, kept.faces.count()) == (None, 1)
