"""CelebA (Liu et al. 2015): 10,177 people. Of expressions it knows one attribute: smiling or not."""

from collections.abc import Iterator
from pathlib import Path

from model.datasets.layout import Dataset, Missing, Row, columns, found, relative

# Its test part is held out, too.
_SPLITS = {"0": "train", "1": "val", "2": "val"}


def rows(root: Path) -> Iterator[Row]:
    """All pictures of identity_CelebA.txt."""
    people = found(root, "identity_CelebA.txt", "Anno/identity_CelebA.txt")
    pictures = found(root, "img_align_celeba/img_align_celeba", "img_align_celeba", "Img/img_align_celeba")
    parts = found(root, "list_eval_partition.txt", "Eval/list_eval_partition.txt")
    part = {name: code for name, code, *_ in columns(parts, 2)}
    smiles = _smiles(root)
    for name, who, *_ in columns(people, 2):
        if part.get(name) not in _SPLITS:
            raise Missing(f"{parts}: {name} is of no part (0, 1 or 2)")
        yield Row(relative(pictures / name, root), who, smiles.get(name, ""), _SPLITS[part[name]])


def _smiles(root: Path) -> dict[str, str]:
    """Of each picture whether it smiles; of none where the attributes are not there."""
    try:
        path = found(root, "list_attr_celeba.txt", "Anno/list_attr_celeba.txt")
    except Missing:
        return {}
    lines = columns(path, 1)
    next(lines, None)  # how many there are
    names = next(lines, [])
    if "Smiling" not in names:
        raise Missing(f"{path}: no attribute Smiling in its second line")
    place = names.index("Smiling") + 1
    return {cells[0]: "smiling" if cells[place] == "1" else "not_smiling" for cells in lines}


DATASET = Dataset(
    "CelebA",
    "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
    "img_align_celeba/000001.jpg, identity_CelebA.txt, list_eval_partition.txt and, for smiles, "
    "list_attr_celeba.txt",
    rows,
)
