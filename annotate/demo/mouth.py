"""Draws a mouth: its two curves from the expression, then cavity, teeth, tongue, lips and their creases."""

from dataclasses import dataclass

import numpy as np

from annotate.demo.canvas import Canvas
from annotate.demo.expressions import Expression
from annotate.demo.people import Person, mix, shadow_of

CAVITY = (74, 18, 30)
TEETH = (250, 247, 240)
TONGUE = (224, 96, 108)


@dataclass(frozen=True, slots=True)
class Mouth:
    """Curves of one mouth over x, each (n,), in face units: lips' inner edges and outer edges."""

    x: np.ndarray
    bow: np.ndarray
    """0 at the corners, 1 in the middle."""
    upper: np.ndarray
    lower: np.ndarray
    top: np.ndarray
    bottom: np.ndarray
    half: float
    jaw: float
    """How far the chin has dropped."""

    def edge(self, curve: np.ndarray) -> np.ndarray:
        """A curve as points (n, 2)."""
        return np.stack([self.x, curve], axis=1)


def shape_mouth(person: Person, expression: Expression) -> Mouth:
    """The mouth's curves. The jaw opens it mostly downwards; drawn-back lips open it both ways."""
    e = expression
    along = np.linspace(-1, 1, 41)
    bow = 1 - along**2
    smile = (e.corner_left + e.corner_right) / 2
    stretch, pucker = max(e.mouth_width, 0.0), max(-e.mouth_width, 0.0)
    half = 0.37 * person.lip_width * (1 + 0.34 * stretch - 0.52 * pucker + 0.12 * max(smile, 0.0))
    corner = np.where(along < 0, e.corner_left, e.corner_right)
    middle = 0.80 * person.face_length + 0.05 * smile - 0.05 * max(e.pout, 0.0) * bow
    line = middle - (0.24 * corner + 0.03) * np.abs(along) ** 1.8
    jaw, parted = 0.6 * e.mouth_open, 0.15 * e.teeth + 0.09 * e.tongue
    squareness = bow ** (0.62 - 0.22 * e.teeth * (1 - pucker))
    upper = line - (0.16 * jaw + 0.55 * parted + 0.05 * e.nose_wrinkle) * squareness
    lower = np.maximum(line + (0.84 * jaw + 0.45 * parted) * squareness - 0.04 * e.nose_wrinkle * bow, upper)
    fullness = person.lip_fullness * (1 - 0.28 * stretch + 0.35 * pucker) * (1 + 0.72 * min(e.pout, 0.0))
    thick_top = 0.088 * fullness * (1 + 0.25 * max(e.pout, 0.0))
    thick_bottom = 0.115 * fullness * (1 + 0.85 * max(e.pout, 0.0))
    cupid = 1 - 0.24 * np.exp(-((along / 0.17) ** 2)) * (1 - 0.5 * stretch)
    top = upper - thick_top * bow**0.6 * cupid
    bottom = lower + thick_bottom * bow**0.55
    return Mouth(along * half, bow, upper, lower, top, bottom, half, jaw * 0.42)


def draw_mouth(canvas: Canvas, person: Person, expression: Expression, mouth: Mouth) -> None:
    """All of the mouth, from the inside out."""
    shadow = shadow_of(person.skin, 0.7)
    lift = 0.05 + 0.06 * max(expression.pout, 0.0)
    if np.max(mouth.lower - mouth.upper) > 0.012:
        _inside(canvas, expression, mouth, lift)
    _lips(canvas, person, mouth, lift)
    line = mouth.edge(mouth.upper)
    pressed = max(-expression.pout, 0.0)
    thickness = 0.03 + 0.016 * pressed
    canvas.ribbon(
        line, thickness * mouth.bow**0.35, (*mix(person.lip_colour, (50, 8, 20), 0.72), 235), lift=lift
    )
    if expression.tongue > 0.04:
        _tongue_out(canvas, expression, mouth, lift)
    _creases(canvas, expression, mouth, shadow)


def _inside(canvas: Canvas, expression: Expression, mouth: Mouth, lift: float) -> None:
    """Cavity, tongue at its bottom, and both rows of teeth as far as the lips show them."""
    outline = np.concatenate([mouth.edge(mouth.upper), mouth.edge(mouth.lower)[::-1]])
    canvas.polygon(outline, CAVITY, lift=lift)
    gap = mouth.lower - mouth.upper
    deep = float(np.max(gap))
    hump = mouth.lower - np.minimum(0.45 * deep * mouth.bow**0.8, 0.16) * (mouth.jaw > 0.04)
    tongue = np.concatenate([mouth.edge(np.maximum(hump, mouth.upper)), mouth.edge(mouth.lower)[::-1]])
    canvas.polygon(tongue, mix(TONGUE, CAVITY, 0.3), lift=lift)
    high = (0.15 * expression.teeth + 0.05 * (expression.mouth_open > 0.1)) * mouth.bow**0.25
    low = 0.13 * max(expression.teeth - 0.25, 0.0) * mouth.bow**0.3
    lower_teeth = np.maximum(mouth.lower - low, mouth.upper)
    canvas.polygon(
        np.concatenate([mouth.edge(lower_teeth), mouth.edge(mouth.lower)[::-1]]),
        mix(TEETH, (150, 130, 130), 0.16),
        lift=lift,
    )
    bite = np.minimum(mouth.upper + high, mouth.lower)
    canvas.polygon(np.concatenate([mouth.edge(mouth.upper), mouth.edge(bite)[::-1]]), TEETH, lift=lift)
    if expression.teeth > 0.25:
        # The bite and the gaps between teeth tell bared teeth from a white patch.
        canvas.ribbon(
            mouth.edge(np.minimum(bite, lower_teeth + 0.01))[3:-3], 0.014, (150, 110, 112, 190), lift=lift
        )
        for place in np.linspace(0.16, 0.84, 7):
            index = round(place * (len(mouth.x) - 1))
            gap_line = np.array([[mouth.x[index], mouth.upper[index]], [mouth.x[index], bite[index]]])
            canvas.ribbon(gap_line, 0.008, (170, 150, 150, 110), lift=lift)


def _lips(canvas: Canvas, person: Person, mouth: Mouth, lift: float) -> None:
    """Upper lip darker than the lower one, which has a shine."""
    upper = np.concatenate([mouth.edge(mouth.top), mouth.edge(mouth.upper)[::-1]])
    lower = np.concatenate([mouth.edge(mouth.lower), mouth.edge(mouth.bottom)[::-1]])
    canvas.polygon(lower, person.lip_colour, lift=lift)
    canvas.polygon(upper, mix(person.lip_colour, (70, 14, 26), 0.2), lift=lift)
    shine = mouth.edge(mouth.lower + (mouth.bottom - mouth.lower) * 0.42)[11:-11]
    width = 0.3 * (mouth.bottom - mouth.lower)[20] * np.sin(np.linspace(0.05, np.pi - 0.05, len(shine)))
    canvas.ribbon(shine, width, (255, 240, 236, 80), lift=lift)


def _tongue_out(canvas: Canvas, expression: Expression, mouth: Mouth, lift: float) -> None:
    """The tongue over the lower lip, narrower than the mouth."""
    middle = len(mouth.x) // 2
    start, width = mouth.upper[middle] + 0.35 * (mouth.lower - mouth.upper)[middle], 0.5 * mouth.half
    length = (mouth.lower[middle] - start) + 0.36 * expression.tongue
    turn = np.linspace(0, np.pi, 17)
    side = np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** 0.8
    outline = np.stack([width * side, start + length * np.sin(turn) ** 0.7], axis=1)
    canvas.polygon(outline, mix(TONGUE, (90, 20, 40), 0.35), lift=lift)
    canvas.polygon(outline * (0.9, 1) - (0, 0.018), TONGUE, lift=lift)
    groove = np.array([[0.0, start + 0.02], [0.0, start + 0.72 * length]])
    canvas.ribbon(groove, 0.018, (*mix(TONGUE, (90, 20, 40), 0.55), 200), lift=lift)


def _creases(canvas: Canvas, expression: Expression, mouth: Mouth, shadow: tuple[int, ...]) -> None:
    """Dimples at the corners, and the shadow and the knotted chin under a pushed lower lip."""
    e = expression
    for sign, corner, index in ((-1, e.corner_left, 0), (1, e.corner_right, -1)):
        x, y = mouth.x[index], mouth.upper[index]
        depth = min(1.0, abs(corner) + 0.7 * max(-e.pout, 0.0) + 0.4 * max(e.mouth_width, 0.0))
        bend = 0.05 * corner
        points = (
            (x + 0.005 * sign, y - 0.07 - bend),
            (x + 0.05 * sign, y),
            (x + 0.01 * sign, y + 0.07 - bend),
        )
        canvas.line(points, 0.03, (*shadow, round(150 * depth)))
    below = float(mouth.bottom[len(mouth.bottom) // 2])
    canvas.blob(0, below + 0.07, 0.24, 0.07, -0.16 - 0.14 * max(e.pout, 0.0))
    knot = max(0.0, max(e.pout, 0.0) * 0.8 + 0.5 * max(-(e.corner_left + e.corner_right) / 2, 0.0) - 0.1)
    if knot > 0:
        ink = (*shadow, round(150 * min(knot, 1)))
        canvas.line(((-0.15, below + 0.13), (0, below + 0.08), (0.15, below + 0.13)), 0.03, ink)
        canvas.line(((-0.08, below + 0.2), (0, below + 0.18), (0.08, below + 0.2)), 0.022, ink)
