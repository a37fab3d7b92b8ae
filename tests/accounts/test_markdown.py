"""Markdown that people write becomes HTML that can neither script nor break the pages' policy."""

import pytest

from annotate.accounts.markdown import to_html
from tests.architecture import page_obeys_policy


def test_it_formats_below_the_pages_title():
    html = to_html(
        "# Why\n\nBecause **we** ask.\n\n| a | n |\n|---|--:|\n| x | 1 |\n\n![calm](/faces/5/crop/)"
    )
    assert "<h2>Why</h2>" in html
    assert "<strong>we</strong>" in html
    assert '<td class="num">1</td>' in html
    assert '<img src="/faces/5/crop/" alt="calm" />' in html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[go](javascript:alert(1))",
        "![far](https://elsewhere.example/a.png)",
        "![far](//elsewhere.example/a.png)",
        "![*far*](data:image/svg+xml;base64,PHN2Zz4=)",
        "|a|\n|:-:|\n|b|",
        '[x](/ "\\" onclick=\\"alert(1)")',
    ],
)
def test_nothing_of_it_scripts_or_asks_for_what_the_policy_refuses(text):
    html = to_html(text)
    assert list(page_obeys_policy("x", html)) == []
    assert "<script" not in html
    assert "<img" not in html
