"""Markdown that people of this installation write (consent texts, instructions), as HTML for a page.

Whoever writes can format, not script: raw HTML is shown as text, and nothing is asked for that the pages'
Content-Security-Policy would refuse (inline styles, pictures of other hosts).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

# A page has one h1: its own title.
TOP_HEADING = 2
_PARSER = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def to_html(text: str) -> SafeString:
    """The text as HTML that is safe to put into a page; its headings stand below the page's title."""
    return render(parse(text))


def parse(text: str) -> list[Token]:
    """What the text consists of, for whoever looks at it before it is rendered."""
    return _PARSER.parse(text)


def pictures(tokens: Iterable[Token]) -> Iterator[tuple[int, Token]]:
    """Each picture with the number of its line, beginning with 1."""
    for token in tokens:
        line = token.map[0] + 1 if token.map else 1
        for child in token.children or []:
            line += child.type in ("softbreak", "hardbreak")
            if child.type == "image":
                yield line, child


def render(tokens: list[Token]) -> SafeString:
    """As `to_html`, of a text that has been parsed."""
    # Whichever heading the writer takes for the first rank comes right below the page's own.
    down = TOP_HEADING - min((_rank(token) for token in tokens if token.type == "heading_open"), default=1)
    for token in tokens:
        _fit_into_page(token, down)
    return mark_safe(_PARSER.renderer.render(tokens, _PARSER.options, {}))  # noqa: S308


def _rank(heading: Token) -> int:
    return int(heading.tag[1:])


def _fit_into_page(token: Token, down: int) -> None:
    if token.type in ("heading_open", "heading_close"):
        token.tag = f"h{min(_rank(token) + down, 6)}"
    elif token.attrs.pop("style", None) == "text-align:right":
        token.attrs["class"] = "num"
    for child in token.children or []:
        if child.type == "image" and not _is_ours(str(child.attrs["src"])):
            child.type, child.content = "text", f"[{child.content}]"


def _is_ours(src: str) -> bool:
    """A picture of this installation, such as a face's: /faces/5/crop/. (The parser escapes backslashes.)"""
    return src.startswith("/") and not src.startswith("//")
