"""RAF-DB (Li et al. 2017), its part of single expressions; of nobody known. Its test part is val."""

from collections.abc import Iterator
from pathlib import Path

from model.datasets.layout import Dataset, Row, columns, found, numbered, relative

# Its numbers begin with 1.
EXPRESSIONS = ("", "surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")


def rows(root: Path) -> Iterator[Row]:
    """The aligned pictures that list_patition_label.txt (spelt so) names."""
    labels = found(root, "basic/EmoLabel/list_patition_label.txt", "EmoLabel/list_patition_label.txt",
                   "list_patition_label.txt")  # fmt: skip
    pictures = found(root, "basic/Image/aligned", "Image/aligned", "aligned")
    for name, code, *_ in columns(labels, 2):
        picture = pictures / f"{name.rpartition('.')[0]}_aligned.jpg"
        split = "train" if name.startswith("train") else "val"
        yield Row(relative(picture, root), "", numbered(EXPRESSIONS, code, labels), split)


DATASET = Dataset(
    "RAF-DB",
    "http://www.whdeng.cn/RAF/model1.html",
    "basic/EmoLabel/list_patition_label.txt and basic/Image/aligned/train_00001_aligned.jpg",
    rows,
)
