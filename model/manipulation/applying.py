"""What `manipulate apply` makes: pictures of sources x targets, as Figure 9's grid or one by one.

Every picture says, in the file and on a grid in the picture as well, that its faces are synthetic.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, PngImagePlugin

from model.errors import ImagesError
from model.inference import Embedder
from model.manipulation.manipulator import Manipulator, between
from model.pictures import pictures_in, readable

NOTE = "Synthetic faces, made by Semblance: no photograph"
GAP, STRIP = 2, 14


@dataclass(frozen=True)
class Side:
    """Sources or targets: names (n), crops (n, S, S, 3) uint8 at the generator's size, E_exp (n, 16)."""

    names: tuple[str, ...]
    crops: np.ndarray
    embeddings: np.ndarray


def side_of(folder: Path, manipulator: Manipulator, embedder: Embedder) -> Side:
    """The aligned crops in a folder, with their embeddings. Raises ImagesError."""
    pictures = pictures_in(folder)
    every = range(len(pictures.names))
    crops = readable([pictures.load(number, manipulator.size) for number in every])
    seen = crops
    if embedder.size != manipulator.size:
        seen = readable([pictures.load(number, embedder.size) for number in every])
    return Side(tuple(pictures.names), crops, embedder.embed(seen))


def made_faces(manipulator: Manipulator, sources: Side, targets: Side) -> np.ndarray:
    """Every source with every target's expression, uint8 (sources, targets, S, S, 3)."""
    rows, columns = len(sources.names), len(targets.names)
    made = manipulator.manipulate(
        np.repeat(sources.crops, columns, axis=0), np.tile(targets.embeddings, (rows, 1))
    )
    return made.reshape(rows, columns, *made.shape[1:])


def frames(
    manipulator: Manipulator, source: np.ndarray, start: np.ndarray, end: np.ndarray, steps: int
) -> np.ndarray:
    """One source (S, S, 3) on the way from embedding `start` (its own) to `end`: uint8 (steps, S, S, 3)."""
    on_sphere = bool(np.allclose(np.linalg.norm([start, end], axis=1), 1, atol=1e-3))
    way = between(start, end, steps, on_sphere=on_sphere)
    return manipulator.manipulate(np.repeat(source[None], steps, axis=0), way)


def grid_picture(sources: np.ndarray, targets: np.ndarray, made: np.ndarray) -> Image.Image:
    """Figure 9: the first column shows the sources (n, S, S, 3), the first row the targets (m, S, S, 3)."""
    first = np.concatenate([np.full_like(targets[:1], 255), targets])[None]
    return tiled(np.concatenate([first, np.concatenate([sources[:, None], made], axis=1)]))


def tiled(rows: np.ndarray) -> Image.Image:
    """Faces (rows, columns, S, S, 3) as one picture with a line under them that says what they are."""
    height, width, side = rows.shape[:3]
    step = side + GAP
    picture = Image.new("RGB", (width * step - GAP, height * step - GAP + STRIP), "white")
    for (row, column), face in ((place, rows[place]) for place in np.ndindex(height, width)):
        picture.paste(Image.fromarray(face), (column * step, row * step))
    ImageDraw.Draw(picture).text((2, height * step), NOTE, fill="black")
    return picture


def save_picture(picture: Image.Image, path: Path) -> None:
    """Write a PNG file whose metadata says that it is synthetic; nothing else is in them."""
    note = PngImagePlugin.PngInfo()
    note.add_text("Comment", NOTE)
    picture.save(path, "PNG", pnginfo=note)


def apply(
    manipulator: Manipulator, sources: Side, targets: Side, output: Path, interpolate: int | None
) -> list[Path]:
    """Write one grid (`output` ends in .png) or single pictures into a folder; the files written.

    With `interpolate` a grid has a row for each pair, from the source's own expression to the target's.
    """
    if output.suffix.lower() == ".png":
        output.parent.mkdir(parents=True, exist_ok=True)
        save_picture(_grid(manipulator, sources, targets, interpolate), output)
        return [output]
    if output.suffix:
        raise ImagesError(f"{output}: a grid is a .png file; anything else is a folder for single pictures")
    output.mkdir(parents=True, exist_ok=True)
    written = []
    for name, face in _singles(manipulator, sources, targets, interpolate):
        save_picture(Image.fromarray(face), output / name)
        written.append(output / name)
    return written


def _grid(manipulator: Manipulator, sources: Side, targets: Side, interpolate: int | None) -> Image.Image:
    if interpolate is None:
        made = made_faces(manipulator, sources, targets)
        return grid_picture(sources.crops, targets.crops, made)
    rows = []
    for source, start in zip(sources.crops, sources.embeddings, strict=True):
        for target, end in zip(targets.crops, targets.embeddings, strict=True):
            way = frames(manipulator, source, start, end, interpolate)
            rows.append(np.concatenate([source[None], way, target[None]]))
    return tiled(np.stack(rows))


def _singles(
    manipulator: Manipulator, sources: Side, targets: Side, interpolate: int | None
) -> Iterator[tuple[str, np.ndarray]]:
    for row, source in enumerate(sources.names):
        for column, target in enumerate(targets.names):
            name = f"{_stem(source)}--{_stem(target)}"
            start, end = sources.embeddings[row], targets.embeddings[column]
            if interpolate is None:
                yield f"{name}.png", manipulator.manipulate(sources.crops[row][None], end[None])[0]
                continue
            way = frames(manipulator, sources.crops[row], start, end, interpolate)
            for number, face in enumerate(way):
                yield f"{name}-{number:02}.png", face


def _stem(name: str) -> str:
    return Path(name).with_suffix("").as_posix().replace("/", "_")
