"""Networks that a worker's process keeps in memory, so that a second query need not load them again.

For what tasks call: the web server loads no torch.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from PIL import Image

from annotate.training.models import Manipulator, ModelVersion
from annotate.training.shared_folders import BadCheckpoint, checkpoint_at_hand, manipulator_at_hand

if TYPE_CHECKING:
    from model.inference import Embedder
    from model.manipulation.manipulator import Manipulator as Generator

K = TypeVar("K")
N = TypeVar("N")

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
        # Another database's version may have the same number, but its folder has another name.
        self._embedders: OrderedDict[tuple[int, str], Embedder] = OrderedDict()
        self._generators: OrderedDict[tuple[int, str], Generator] = OrderedDict()

    def embed(self, version: ModelVersion, crops: Sequence[bytes]) -> np.ndarray:
        """E_exp (N, 16) of N aligned crops (picture files' bytes), as errands embed those of faces.

        Raises BadCheckpoint where the version's checkpoint is gone, or can not be loaded.
        """
        from model.crops import decode

        embedder = self._embedder(version)
        return embedder.embed(np.stack([decode(crop, embedder.size) for crop in crops]))

    def _embedder(self, version: ModelVersion) -> Embedder:
        from model.inference import Embedder

        def load() -> Embedder:
            with checkpoint_at_hand(version) as folder, _loading(version):
                return Embedder.load(folder, "cpu")

        return _kept(self._embedders, (version.pk, version.folder), load)

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
        from model.manipulation.manipulator import Manipulator as Generator

        def load() -> Generator:
            with manipulator_at_hand(manipulator) as folder, _loading(manipulator):
                generator = Generator.load(folder, "cpu")
                generator.check_embedding(self._embedder(manipulator.run.parent))
            return generator

        return _kept(self._generators, (manipulator.pk, manipulator.folder), load)


def _kept(networks: OrderedDict[K, N], key: K, load: Callable[[], N]) -> N:
    """The network of this key, loaded if need be; whichever was used longest ago goes."""
    if key not in networks:
        networks[key] = load()
        while len(networks) > MOST_KEPT:
            networks.popitem(last=False)
    networks.move_to_end(key)
    return networks[key]


@contextmanager
def _loading(what: ModelVersion | Manipulator) -> Iterator[None]:
    """Raises BadCheckpoint where the files do not hold it."""
    from model.errors import ModelError

    try:
        yield
    except ModelError as error:
        raise BadCheckpoint(f"{what} can not be loaded: {error}") from error


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
