"""A campaign's instructions: Markdown in which `![why](face:KEY)` is a face of its data set."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

from django.db.models import Q
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotate.accounts import markdown
from annotate.campaigns.models import Campaign
from annotate.faces.models import Dataset

FACE = "face:"
CROP_SIZE = "224"
LARGEST_ID = 2**63 - 1
# Shown where a campaign has none of its own.
DEFAULT = _("""\
You see one face that stands alone, and two others. Which of the two wears the **more similar expression**?

# What counts

The expression: what the eyes, the brows and the mouth do, and how strongly.

# What does not count

- **Who it is.** Two pictures of one person may show quite different expressions.
- **Age, hair, glasses, skin.**
- **Where the head turns.**
- **The light**, and how sharp the picture is.

# How to answer

- Your first impression is what counts. Most answers take two or three seconds.
- If neither is closer, say that you can’t tell: that helps more than a guess. Somebody else is asked then.
- Take a break when the faces begin to look alike. Your answers are saved as you go.
""")


def instructions_html(campaign: Campaign, text: str | None = None) -> SafeString:
    """Its instructions, or `text` in their place, as HTML. A face that it does not have leaves a note."""
    text = campaign.instructions if text is None else text
    tokens = markdown.parse(text if text.strip() else str(DEFAULT))
    images = [image for _line, image in markdown.pictures(tokens) if _is_face(image.attrs["src"])]
    named = {_named(str(image.attrs["src"])) for image in images}
    known = _faces(campaign.dataset, named)
    for image in images:
        name = _named(str(image.attrs["src"]))
        if name in known:
            image.attrs |= {
                "src": reverse("face-crop", args=[known[name]]), "width": CROP_SIZE, "height": CROP_SIZE,
                "loading": "lazy",
            }  # fmt: skip
        else:
            note = gettext("The data set has no face %(name)s") % {"name": name}
            image.type, image.content = (
                "html_inline",
                format_html('<span class="badge badge-warn">{}</span>', note),
            )
    return markdown.render(tokens)


def refusals(text: str) -> list[str]:
    """A sentence for each picture that is no face, with its line: pages ask no other host for anything."""
    return [
        f"Line {line}: {_as_written(str(image.attrs['src']))} can not be shown. Pictures are faces of the "
        "data set: write face: and a face’s key or number as the address."
        for line, image in markdown.pictures(markdown.parse(text))
        if not _is_face(image.attrs["src"])
    ]


def _is_face(src: object) -> bool:
    return str(src).startswith(FACE)


def _named(src: str) -> str:
    """The key or number of a face, as it was written: the parser has encoded it as an address."""
    return unquote(src.removeprefix(FACE))


def _as_written(src: str) -> str:
    return unquote(src) or "A picture without an address"


def _faces(dataset: Dataset, names: Iterable[str]) -> dict[str, int]:
    """The ids of those that the data set has, by the key or number under which they were named."""
    numbers = {name for name in names if name.isdecimal() and int(name) <= LARGEST_ID}
    keys = set(names) - numbers
    found: dict[str, int] = {}
    for pk, key in dataset.faces.filter(Q(pk__in=numbers) | Q(key__in=keys)).values_list("pk", "key"):
        found |= {str(pk): pk, key: pk}
    return found
