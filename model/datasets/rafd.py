"""RaFD (Langner et al. 2010): 67 models x 8 expressions x 3 gazes x 5 cameras. All is in the files' names."""

import re
from collections.abc import Iterator
from pathlib import Path

from model.datasets.layout import PICTURES, Dataset, Row, relative

EXPRESSIONS = {
    "neutral": "neutral", "happy": "happiness", "sad": "sadness", "surprised": "surprise", "fearful": "fear",
    "disgusted": "disgust", "angry": "anger", "contemptuous": "contempt",
}  # fmt: skip
# Camera (090 is in front), model, group, sex, expression, gaze.
_NAME = re.compile(
    rf"Rafd\d{{3}}_(\d+)_[A-Za-z]+_(?:fe)?male_({'|'.join(EXPRESSIONS)})_(?:frontal|left|right)",
    re.IGNORECASE,
)


def rows(root: Path) -> Iterator[Row]:
    """All pictures named as RaFD names them, in the folder or below it."""
    for path in sorted(root.rglob("*")):
        named = _NAME.fullmatch(path.stem)
        if named and path.suffix.lower() in PICTURES:
            model, expression = named.groups()
            yield Row(relative(path, root), model, EXPRESSIONS[expression.lower()], "")


DATASET = Dataset(
    "RaFD",
    "https://rafd.socsci.ru.nl",
    "Rafd090_01_Caucasian_female_angry_frontal.jpg and so on, in one folder or several",
    rows,
)
