"""MMI (Pantic et al. 2005): sessions of one video or still each, with the emotion in an XML file beside it.

Videos are not decoded here: their frames are to be taken out first, into a folder of the video's name.
"""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from model.datasets.layout import PICTURES, Dataset, Missing, Row, found, numbered, relative

# Numbers begin with 1; above 6 are other codes (scream, bored, sleepy, ...).
EXPRESSIONS = ("", "anger", "disgust", "fear", "happiness", "sadness", "surprise")
_VIDEOS = (".avi", ".mpg", ".mpeg", ".mp4")


def rows(root: Path) -> Iterator[Row]:
    """Of each session with an emotion the still, or the first frame (neutral) and the middle one (the peak).

    A session's expression rises and falls again, so its peak is taken to be in the middle.
    """
    folder = found(root, "Sessions")
    for session in sorted(path for path in folder.iterdir() if path.is_dir()):
        for path in sorted(session.glob("*.xml")):
            expression = _emotion(path)
            if expression:
                yield from _of_session(root, session, path.stem, expression)


def _of_session(root: Path, session: Path, stem: str, expression: str) -> Iterator[Row]:
    subject = stem.partition("-")[0]
    frames = _pictures(session / stem)
    still = [path for path in _pictures(session) if path.stem == stem]
    if len(frames) > 2:
        yield Row(relative(frames[0], root), subject, "neutral", "")
        yield Row(relative(frames[len(frames) // 2], root), subject, expression, "")
    elif still:
        yield Row(relative(still[0], root), subject, expression, "")
    else:
        videos = [path for path in session.iterdir() if path.suffix.lower() in _VIDEOS and path.stem == stem]
        where = session / stem
        how = f"mkdir {where} && ffmpeg -i {videos[0]} {where}/%04d.png" if videos else "its video or still"
        raise Missing(f"{where}: no frames; take them out of the video first ({how})" if videos else
                      f"{where}: neither frames nor a still, and no video")  # fmt: skip


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)


def _emotion(path: Path) -> str:
    """The basic emotion that a session's file names; "" where it names none of them."""
    try:
        tree = ElementTree.parse(path)  # noqa: S314 (entities of a file of the user's own)
    except ElementTree.ParseError as error:
        raise Missing(f"{path}: not XML ({error})") from None
    for tag in tree.iter("Metatag"):
        value = tag.get("Value", "")
        if tag.get("Name") == "Emotion" and value.isdecimal() and 0 < int(value) < len(EXPRESSIONS):
            return numbered(EXPRESSIONS, value, path)
    return ""


DATASET = Dataset(
    "MMI",
    "https://mmifacedb.eu",
    "Sessions/N/S001-001.xml beside the still S001-001.jpg, or beside the frames of the video in S001-001/",
    rows,
)
