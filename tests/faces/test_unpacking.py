"""Zip archives that a stranger may have made: what is unpacked, and what is refused with which words."""

import os
import stat
import struct
import zipfile

import pytest

from annotate.faces.problems import ImportFailed
from annotate.faces.unpacking import Limits, unpack

SUFFIXES = frozenset({".png", ".csv"})


@pytest.fixture
def archive(tmp_path):
    """Makes an archive of (name or ZipInfo, content)."""

    def make(*members, method=zipfile.ZIP_STORED):
        path = tmp_path / "faces.zip"
        with zipfile.ZipFile(path, "w", method) as out:
            for name, content in members:
                out.writestr(name, content)
        return path

    return make


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def link(name, mode=stat.S_IFLNK):
    info = zipfile.ZipInfo(name)
    info.external_attr = (mode | 0o777) << 16
    return info


def test_the_pictures_come_out_without_the_folder_that_holds_all(archive, tmp_path):
    path = archive(
        ("london/", b""), ("london/a.png", b"1"), ("london/more/b.PNG", b"2"), ("london/labels.csv", b"3"),
        ("london/.hidden.png", b"4"), ("__MACOSX/london/._a.png", b"5"), ("london/readme.txt", b"6"),
    )  # fmt: skip
    told = []
    count = unpack(path, tmp_path / "out", suffixes=SUFFIXES, progress=lambda *step: told.append(step))
    assert count == 3
    assert names(tmp_path / "out") == ["a.png", "labels.csv", "more/b.PNG"]
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_flat_leaves_every_folder_out(archive, tmp_path):
    unpack(archive(("x/a.png", b"1"), ("y/b.png", b"2")), tmp_path / "out", suffixes=SUFFIXES, flat=True)
    assert names(tmp_path / "out") == ["a.png", "b.png"]


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([("../a.png", b"")], "leads outside the folder"),
        ([("ok.png", b""), ("x/../../a.png", b"")], "leads outside the folder"),
        ([("/etc/a.png", b"")], "leads outside the folder"),
        ([("C:\\a.png", b"")], "leads outside the folder"),
        ([("..\\a.png", b"")], "leads outside the folder"),
        ([("__MACOSX/../../a.png", b"")], "leads outside the folder"),
        ([("a\n.png", b"")], "control characters"),
        ([("n" * 300 + ".png", b"")], "longer than 250 characters"),
        ([(link("a.png"), b"/etc/passwd")], "'a.png' is a link or a device"),
        ([(link("a.png", stat.S_IFCHR), b"")], "is a link or a device"),
        ([("x/a.png", b"1"), ("./x/a.png", b"2")], "names 'a.png' twice"),
        ([("readme.txt", b"1")], "holds no picture"),
        ([], "holds no picture"),
    ],
)
def test_names_that_lead_astray(archive, tmp_path, members, words):
    with pytest.raises(ImportFailed, match=words) as failed:
        unpack(archive(*members), tmp_path / "out", suffixes=SUFFIXES)
    assert "faces.zip" in str(failed.value)
    assert list(tmp_path.iterdir()) == [tmp_path / "faces.zip"]


def test_a_bomb_is_refused_before_it_grows(archive, tmp_path):
    zeros = archive(("a.png", bytes(3 << 20)), method=zipfile.ZIP_DEFLATED)
    with pytest.raises(ImportFailed, match=r"'a.png' would grow from .* KB to 3.0 MB"):
        unpack(zeros, tmp_path / "out", suffixes=SUFFIXES)
    many = archive(*((f"{i}.png", b"x") for i in range(5)))
    with pytest.raises(ImportFailed, match="has 5 entries; 4 are the most"):
        unpack(many, tmp_path / "out", suffixes=SUFFIXES, limits=Limits(entries=4))
    with pytest.raises(ImportFailed, match="would unpack to 5 bytes; 4 bytes are the most"):
        unpack(many, tmp_path / "out", suffixes=SUFFIXES, limits=Limits(total_bytes=4))
    with pytest.raises(ImportFailed, match="alone has 1 bytes; 0 bytes are the most"):
        unpack(many, tmp_path / "out", suffixes=SUFFIXES, limits=Limits(entry_bytes=0))


def test_one_that_lies_about_its_size(archive, tmp_path):
    path = archive(("a.png", os.urandom(50_000)), method=zipfile.ZIP_DEFLATED)
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        struct.pack_into("<I", content, content.index(signature) + offset, 10)
    path.write_bytes(content)
    with pytest.raises(ImportFailed, match=r"'a.png' in faces.zip is damaged"):
        unpack(path, tmp_path / "out", suffixes=SUFFIXES)
    assert not (tmp_path / "out").exists()


def test_torn_encrypted_or_no_archive_at_all(archive, tmp_path):
    whole = archive(("a.png", os.urandom(1000)), ("b.png", os.urandom(1000)))
    content = whole.read_bytes()
    for torn in (content[:700], b"no archive", b""):
        whole.write_bytes(torn)
        with pytest.raises(ImportFailed, match=r"holiday.zip is no whole zip archive"):
            unpack(whole, tmp_path / "out", suffixes=SUFFIXES, name="holiday.zip")
    damaged = bytearray(content)
    damaged[content.rindex(b"b.png", 0, content.index(b"PK\x01\x02")) + 400] ^= 1
    whole.write_bytes(damaged)
    with pytest.raises(ImportFailed, match=r"'b.png' in faces.zip is damaged"):
        unpack(whole, tmp_path / "out", suffixes=SUFFIXES)
    locked = bytearray(content)
    for signature, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        locked[content.index(signature) + offset] |= 1
    whole.write_bytes(locked)
    with pytest.raises(ImportFailed, match=r"is encrypted \('a.png'\). Make it without a password"):
        unpack(whole, tmp_path / "out", suffixes=SUFFIXES)
    assert list(tmp_path.iterdir()) == [tmp_path / "faces.zip"]
