"""Files of embeddings come back as they were written; what would falsify every figure is refused."""

import numpy as np
import pytest

from model.embedding_files import write_embeddings
from model.errors import EmbeddingsError, LabelsError
from model.labels import read_labels
from model.stored_embeddings import read_embeddings

NAMES = ["a/1.jpg", 'quo"ted, name', "名.png"]


@pytest.mark.parametrize("suffix", ["npz", "npy", "csv", "parquet"])
@pytest.mark.parametrize("width", [1, 16])
def test_what_embed_writes_is_read(tmp_path, suffix, width):
    vectors = np.random.default_rng(0).normal(size=(3, width)).astype(np.float32)
    path = tmp_path / f"e.{suffix}"
    write_embeddings(path, NAMES, vectors)
    found = read_embeddings(path)
    assert list(found.names) == NAMES
    assert found.embeddings.dtype == np.float32
    assert np.allclose(found.embeddings, vectors, atol=1e-6)


@pytest.mark.parametrize("suffix", ["npz", "npy", "csv", "parquet"])
def test_files_that_cannot_be_right(tmp_path, suffix):
    path = tmp_path / f"e.{suffix}"
    with pytest.raises(EmbeddingsError, match="no such file"):
        read_embeddings(path)
    for names, value, message in (
        (["a", "a", "b"], 0.0, "a name is in it twice"),
        (["a", "b", "c"], np.nan, "the vector of 'a' is not finite"),
        ([], 0.0, "no embeddings"),
    ):
        vectors = np.zeros((len(names), 2), dtype=np.float32)
        vectors[:1] = value
        write_embeddings(path, names, vectors)
        with pytest.raises(EmbeddingsError, match=message):
            read_embeddings(path)
    path.write_bytes(b"torn")
    with pytest.raises(EmbeddingsError, match=r"not a file of embeddings|vectors of shape|no embeddings"):
        read_embeddings(path)
    with pytest.raises(EmbeddingsError, match="its suffix is none of"):
        read_embeddings(tmp_path / "e.txt")


def test_labels_by_either_headers_names(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("image,identity,class,intensity\nb,anna,joy,1\na,,anger,2\nc,bea,,3\n")
    labels = read_labels(path)
    assert labels.names == ("b", "a", "c")
    assert labels.identities == ("anna", "bea")
    assert labels.identity.tolist() == [0, -1, 1]
    assert labels.expressions == ("anger", "joy")
    assert labels.expression.tolist() == [1, 0, -1]
    assert labels.split.tolist() == [-1, -1, -1]
    path.write_text("split,expression,name\nval,joy,x\n,anger,y\ntrain,joy,z\n")
    chosen = read_labels(path).of(["z", "nobody", "x"])
    assert chosen.split.tolist() == [0, -1, 1]
    assert chosen.expression.tolist() == [1, -1, 1]
    assert chosen.identity.tolist() == [-1, -1, -1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("identity,expression\na,b\n", "no picture is named \\(in a column 'name' or 'image'"),
        ("name,identity\n", "no rows"),
        ("name,identity\na,x\na,y\n", "line 3: picture 'a' appears twice"),
        ("name,identity\n,x\n", "line 2: no picture is named "),
        ("name,split\na,test\n", "split is 'test', not one of 'train', 'val'"),
        ("name,identity\na\n", "1 cells where the header has 2"),
        (b"name\n\xff\n", "not UTF-8"),
        (None, "no such file"),
    ],
)
def test_labels_that_cannot_be_right(tmp_path, text, message):
    path = tmp_path / "labels.csv"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(LabelsError, match=message):
        read_labels(path)
