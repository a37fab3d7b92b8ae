"""A data set on a line, two versions that see it differently, and a study of them."""

import pytest

from annotate.accounts.models import Role, User
from annotate.faces.models import Dataset, Face
from tests.insight.studies.world import SIZE, as_it_is, make_study, make_versions, scattered


@pytest.fixture
def dataset(db):
    """40 faces at 0, 1, 2, ...; each person has two, side by side; the last ten are of the val split."""
    dataset = Dataset.objects.create(name="line")
    Face.objects.bulk_create(
        Face(
            dataset=dataset, key=f"line:{i:03}", image=f"{i:03}.jpg", crop=f"line/{i:03}.jpg",
            crop_sha256="0" * 64, identity=f"p{i // 2}", split="val" if i >= SIZE - 10 else "train",
            known_expression=[float(i)],
        )
        for i in range(SIZE)
    )  # fmt: skip
    return dataset


@pytest.fixture
def versions(dataset):
    return make_versions(dataset, as_it_is, scattered)


@pytest.fixture
def study(dataset, versions, admin):
    return make_study(dataset, versions, admin)


@pytest.fixture
def annotators(db):
    return [User.objects.create_user(f"a{i}", None, role=Role.ANNOTATOR) for i in range(4)]
