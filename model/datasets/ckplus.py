"""CK+ (Lucey et al. 2010): sequences from neutral to the peak of an expression, 327 of them labelled."""

from collections.abc import Iterator
from pathlib import Path

from model.datasets.layout import PICTURES, Dataset, Missing, Row, columns, found, numbered, relative

EXPRESSIONS = ("neutral", "anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")


def rows(root: Path) -> Iterator[Row]:
    """Of each labelled sequence the first frame, which is neutral, and the last, which is the peak."""
    labels = found(root, "Emotion", "Emotion_labels/Emotion")
    pictures = found(root, "cohn-kanade-images", "extended-cohn-kanade-images/cohn-kanade-images")
    for path in sorted(labels.glob("*/*/*_emotion.txt")):
        subject, sequence = path.parts[-3:-1]
        code = next(columns(path, 1), None)
        if code is None:
            raise Missing(f"{path}: empty")
        folder = pictures / subject / sequence
        frames = sorted(frame for frame in folder.glob("*") if frame.suffix.lower() in PICTURES)
        if len(frames) < 2:
            raise Missing(f"{folder}: no sequence of frames, but {path.name} labels one")
        yield Row(relative(frames[0], root), subject, EXPRESSIONS[0], "")
        yield Row(relative(frames[-1], root), subject, numbered(EXPRESSIONS, code[0], path), "")


DATASET = Dataset(
    "CK+",
    "https://www.jeffcohn.net/Resources/",
    "cohn-kanade-images/S005/001/S005_001_00000011.png and Emotion/S005/001/S005_001_00000011_emotion.txt",
    rows,
)
