"""The documents' pictures are there, are made by `make screenshots`, and stay small."""

import re

from config.environment import BASE_DIR

SCREENSHOTS = BASE_DIR / "docs" / "screenshots"
# A picture, on average: there are more of them with each page.
MOST_BYTES = 24_000


def test_every_picture_that_a_document_shows_is_there():
    for document in (BASE_DIR / "README.md", *(BASE_DIR / "docs").glob("*.md")):
        for target in re.findall(r"!\[[^]]*\]\(([^)]*screenshots/[^)]+)\)", document.read_text()):
            assert (document.parent / target).is_file(), f"{document.name} shows {target}, which is not there"


def test_every_page_has_its_four_pictures():
    pages = {path.name.rsplit("-", 2)[0] for path in SCREENSHOTS.iterdir()}
    made = {f"{page}-{device}-{theme}.webp" for page in pages
            for device in ("desktop", "phone") for theme in ("light", "dark")}  # fmt: skip
    assert {path.name for path in SCREENSHOTS.iterdir()} == made
    assert sum(path.stat().st_size for path in SCREENSHOTS.iterdir()) < MOST_BYTES * len(made)
