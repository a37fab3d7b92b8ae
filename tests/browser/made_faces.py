"""What the pages of face manipulation show, made without a network: drawn faces stand for made ones."""

from __future__ import annotations

import io

from django.utils import timezone
from PIL import Image

from annotate.accounts.models import User
from annotate.faces.models import Face
from annotate.insight.manipulations import ask_for_grid, ask_for_interpolation, store
from annotate.training import jobs
from annotate.training.models import Run
from tests.factories import draw_face
from tests.training.registry import make_manipulator

SIDE = 64


def made_faces(run: Run, admin: User) -> dict[str, object]:
    """A manipulator of the run's version, one grid and one interpolation; the values of their addresses."""
    now, manipulator = timezone.now(), make_manipulator(run.model_version)
    one_each = {
        face.identity: face for face in Face.objects.filter(dataset=run.snapshot.dataset).order_by("pk")
    }
    faces = list(one_each.values())
    sources, targets = faces[:3], faces[3:7]
    grid = ask_for_grid(
        manipulator, admin, now, sources=[face.pk for face in sources], targets=[face.pk for face in targets]
    )
    asked, _ = ask_for_interpolation(manipulator, sources[0], targets[0], admin, now)
    for job, rows, columns in ((grid, len(sources), len(targets)), (asked, 1, asked.steps)):
        claim = jobs.claim(type(job), job.pk, "worker:1", now)
        sheet = _sheet(rows, columns)
        store(job, sheet=sheet, picture=sheet, side=SIDE)
        jobs.end(claim, now)
    return {
        "manipulator_id": manipulator.pk, "grid_id": grid.pk, "manipulation_id": asked.pk,
        "manipulation-grid-picture.which": "sheet", "manipulation-picture.which": "sheet",
        "manipulator-try?": f"?source={sources[0].pk}",
        "manipulator-grid?": f"?source={sources[0].pk}&target={targets[0].pk}",
    }  # fmt: skip


def _sheet(rows: int, columns: int) -> bytes:
    sheet = Image.new("RGB", (columns * SIDE, rows * SIDE))
    for row in range(rows):
        for column in range(columns):
            smile = 1.8 * column / max(columns - 1, 1) - 0.9
            face = Image.open(io.BytesIO(draw_face(smile, 120 + 30 * row))).resize((SIDE, SIDE))
            sheet.paste(face, (column * SIDE, row * SIDE))
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()
