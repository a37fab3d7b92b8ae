"""The stylesheet's colours meet WCAG AA: 4.5 to 1 for text, 3 to 1 for the edges of controls."""

import re

import pytest
from django.conf import settings

STYLESHEET = settings.BASE_DIR / "frontend" / "static" / "css" / "semblance.css"
TEXT = [
    ("text", "bg"), ("text", "surface"), ("text", "sunken"), ("text", "accent-soft"),
    ("muted", "bg"), ("muted", "surface"), ("muted", "sunken"), ("muted", "accent-soft"),
    ("accent", "bg"), ("accent", "surface"), ("accent-hover", "bg"), ("on-accent", "accent"),
    ("on-accent", "accent-hover"), ("bad", "surface"), ("bad", "bg"),
    *((name, f"{name}-soft") for name in ("ok", "warn", "bad", "info")),
]  # fmt: skip
EDGES = [("line-strong", "surface"), ("line-strong", "bg"), ("accent", "bg"), ("bad", "surface")]


def tokens(dark):
    light_block, dark_block = re.findall(r":root \{(.*?)\}", STYLESHEET.read_text(), re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", light_block))
    if dark:
        colours |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", dark_block))
    return colours


def luminance(colour):
    digits = colour.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    channels = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first, second):
    darker, lighter = sorted((luminance(first), luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_contrast(dark):
    colours = tokens(dark)
    too_faint = {
        pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2)
        for pairs, least in ((TEXT, 4.5), (EDGES, 3.0))
        for pair in pairs
        if contrast(colours[pair[0]], colours[pair[1]]) < least
    }
    assert too_faint == {}
