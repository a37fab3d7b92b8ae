"""Networks that a worker's process keeps in memory, so that a second query need not load them again.

For what tasks call: the web server loads no torch.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from annotate.training.models import Manipulator, ModelVersion
from annotate.training.shared_folders import BadCheckpoint, checkpoint_at_hand, manipulator_at_hand

if TYPE_CHECKING:
    from model.inference import Embedder
    from model.manipulation.manipulator import Manipulator as Generator

# With the large backbone, one is 200 MB.
MOST_KEPT = 2


class Made(NamedTuple):
    """Made faces as PNG files that say that they are: `sheet` side by side without a gap, each of `side` px;
    `picture` with the real ones beside them, and a line that tells them apart."""

    sheet: bytes
    picture: bytes
    side: int


class Networks:
    """Embedders by model version and generators by manipulator, the last used ones. Neither ever changes, so
    none grows stale."""

    def __init__(self) -> None:
        self._generators: OrderedDict[tuple[int, str], Generator] = OrderedDict()
        self._kept: OrderedDict[tuple[int, str], Embedder] = OrderedDict()

    def embed(self, version: ModelVersion, crops: Sequence[bytes]) -> np.ndarray:
        """E_exp (N, 16) of N aligned crops (picture files' bytes), as errands embed those of faces.

        Raises BadCheckpoint where the version's checkpoint is gone, or can not be loaded.
        """
        from model.crops import decode

        embedder = self._embedder(version)
        return embedder.embed(np.stack([decode(crop, embedder.size) for crop in crops]))

    def _embedder(self, version: ModelVersion) -> Embedder:
        from model.errors import ModelError
        from model.inference import Embedder

        # Another database's version may have the same number.
        key = (version.pk, version.folder)
        if key not in self._kept:
            with checkpoint_at_hand(version) as folder:
                try:
                    self._kept[key] = Embedder.load(folder, "cpu")
                except ModelError as error:
                    raise BadCheckpoint(f"{version} can not be loaded: {error}") from error
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def grid(self, manipulator: Manipulator, sources: Sequence[bytes], targets: Sequence[bytes]) -> Made:
        """Each source (a row) with each target's expression (a column), of picture files' bytes.

        Raises BadCheckpoint where the manipulator's weights, or its version's, can not be loaded.
        """
        from model.crops import decode
        from model.manipulation.applying import grid_picture

        generator = self._generator(manipulator)
        faces, real = (
            np.stack([decode(crop, generator.size) for crop in crops]) for crops in (sources, targets)
        )
        wanted = self.embed(manipulator.run.parent, targets)
        made = generator.manipulate(np.repeat(faces, len(real), axis=0), np.tile(wanted, (len(faces), 1)))
        made = made.reshape(len(faces), len(real), *made.shape[1:])
        return Made(_sheet(made), _png(grid_picture(faces, real, made)), generator.size)

    def interpolation(self, manipulator: Manipulator, source: bytes, target: bytes, steps: int) -> Made:
        """The source on its way from its own expression to the target's. Raises as `grid`."""
        from model.crops import decode
        from model.manipulation.applying import frames, tiled

        generator = self._generator(manipulator)
        face, real = (decode(crop, generator.size) for crop in (source, target))
        start, end = self.embed(manipulator.run.parent, [source, target])
        made = frames(generator, face, start, end, steps)
        picture = tiled(np.concatenate([face[None], made, real[None]])[None])
        return Made(_sheet(made[None]), _png(picture), generator.size)

    def held_out(self, manipulator: Manipulator) -> list[str]:
        """The identities that its training kept for validation, where its snapshot named none."""
        return list(self._generator(manipulator).about.held_out)

    def _generator(self, manipulator: Manipulator) -> Generator:
        from model.errors import ModelError
        from model.manipulation.manipulator import Manipulator as Generator

        key = (manipulator.pk, manipulator.folder)
        if key not in self._generators:
            with manipulator_at_hand(manipulator) as folder:
                try:
                    generator = Generator.load(folder, "cpu")
                    generator.check_embedding(self._embedder(manipulator.run.parent))
                except ModelError as error:
                    raise BadCheckpoint(f"{manipulator} can not be loaded: {error}") from error
            self._generators[key] = generator
            while len(self._generators) > MOST_KEPT:
                self._generators.popitem(last=False)
        self._generators.move_to_end(key)
        return self._generators[key]


def _sheet(made: np.ndarray) -> bytes:
    """Faces (rows, columns, S, S, 3) without a gap between them."""
    rows, columns, side = made.shape[:3]
    return _png(Image.fromarray(made.swapaxes(1, 2).reshape(rows * side, columns * side, 3)))


def _png(picture: Image.Image) -> bytes:
    """With a note that its faces are synthetic, and nothing else beside the pixels."""
    from model.manipulation.applying import save_picture

    file = io.BytesIO()
    save_picture(picture, file)
    return file.getvalue()


NETWORKS = Networks()
