"""Draws eyes and brows: lids from the expression, eyeballs inside them, then lashes, creases and brows."""

import numpy as np
from PIL import Image, ImageDraw

from annotate.demo.canvas import Canvas, spline
from annotate.demo.expressions import Expression
from annotate.demo.people import Person, mix, shadow_of

SCLERA = (250, 250, 250)
ALONG = np.linspace(0, 1, 21)
"""From the inner to the outer corner of an eye."""
HILL = np.sin(np.pi * ALONG) ** 0.8


def _sides(expression: Expression) -> tuple[tuple[int, float, float, float], ...]:
    """Per eye: the sign of x, lid, brow's inner end, brow's outer end."""
    e = expression
    return (
        (-1, e.lid_left, e.brow_inner_left, e.brow_outer_left),
        (1, e.lid_right, e.brow_inner_right, e.brow_outer_right),
    )


def _lids(
    person: Person, expression: Expression, lid: float, brow_inner: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """y of the upper lid, of the lower lid and of the fold over the eye, relative to the eye's middle."""
    e = expression
    shut, wide = max(-lid, 0.0), max(lid, 0.0)
    size = person.eye_size * person.eye_roundness
    slant = (0.03 + person.eye_tilt) * (1 - 2 * ALONG)
    droop = 0.045 * max(brow_inner, 0.0) * (ALONG - 0.5)
    scowl = 0.06 * max(-brow_inner, 0.0) * (0.6 - ALONG)
    high = (0.15 + 0.125 * wide) * size * np.sin(np.pi * ALONG**0.9) ** 0.75
    low = (0.092 + 0.035 * wide - 0.12 * e.squint) * person.eye_size
    lower = slant + low * HILL
    upper = np.minimum(slant - high + (droop + scowl) * HILL, lower)
    upper += shut * (lower - upper)
    fold = slant - (0.15 * size + 0.075 + 0.05 * wide) * HILL + 0.01 + scowl * HILL
    return upper, lower, fold


def draw_eyes(canvas: Canvas, person: Person, expression: Expression) -> None:
    """Both eyes with their lids, lashes, folds and laughter lines."""
    half = 0.265 * person.eye_size
    for sign, lid, brow_inner, _ in _sides(expression):
        centre = sign * 0.44 * person.eye_spacing
        x = centre + sign * half * (2 * ALONG - 1)
        upper, lower, fold = _lids(person, expression, lid, brow_inner)
        edges = [np.stack([x, curve], axis=1) for curve in (upper, lower, fold)]
        _lid_skin(canvas, person, edges)
        if np.max(lower - upper) > 0.012:
            _eyeball(canvas, person, expression, centre, edges)
        _lashes(canvas, person, sign, edges)
        _folds(canvas, person, expression, sign, centre, edges)


def _lid_skin(canvas: Canvas, person: Person, edges: list[np.ndarray]) -> None:
    """The upper lid between its fold and its edge; painted for some."""
    upper, lower, fold = edges
    outline = np.concatenate([fold, np.maximum(upper, lower)[::-1]])
    colour = mix(mix(person.skin, (120, 60, 56), 0.16), person.accent, 0.4 * person.eyeshadow)
    canvas.polygon(outline, (*colour, 200))


def _eyeball(
    canvas: Canvas, person: Person, expression: Expression, centre: float, edges: list[np.ndarray]
) -> None:
    """White, iris, pupil and lights, seen only between the lids."""
    outline = canvas.project(np.concatenate([edges[0], edges[1][::-1]]))
    corner = np.floor(outline.min(axis=0)).astype(int)
    extent = np.ceil(outline.max(axis=0)).astype(int) - corner + 1
    tile = Image.new("RGB", (int(extent[0]), int(extent[1])), SCLERA)
    pen = ImageDraw.Draw(tile, "RGBA")
    look = np.array([[centre + 0.125 * expression.gaze_x, -0.022 - 0.1 * expression.gaze_y]])
    middle = canvas.project(look)[0] - corner
    unit = canvas.unit

    def disc(radius: float, ink: tuple[int, ...], dx: float = 0.0, dy: float = 0.0) -> None:
        at = middle + np.array([dx, dy]) * unit
        pen.ellipse((*(at - radius * unit), *(at + radius * unit)), fill=ink)

    colour = person.eye_colour
    disc(0.15, mix(colour, (16, 12, 14), 0.62))
    disc(0.131, colour)
    disc(0.106, mix(colour, (255, 240, 200), 0.22), 0, 0.02)
    disc(0.064, (18, 14, 16))
    glint = 0.045 if canvas.light.x > 0 else -0.045
    disc(0.033, (255, 255, 255), glint, -0.05)
    disc(0.017, (255, 255, 255, 170), -glint, 0.045)
    # The upper lid throws a shadow on the ball.
    shade = canvas.project(np.concatenate([edges[0], (edges[0] + (0, 0.055))[::-1]])) - corner
    pen.polygon(shade.ravel().tolist(), fill=(60, 50, 70, 70))
    canvas.masked(tile, (int(corner[0]), int(corner[1])), outline)


def _lashes(canvas: Canvas, person: Person, sign: int, edges: list[np.ndarray]) -> None:
    """A dark line along the upper lid, thick towards the outside, with a wing for long lashes."""
    upper, lower, _ = edges
    dark = mix(mix(person.brow_colour, person.skin, 0.1), (22, 16, 18), 0.75)
    width = (
        (0.03 + 0.022 * person.lashes) * np.sin(np.pi * (0.06 + 0.86 * ALONG)) ** 0.5 * (0.7 + 0.5 * ALONG)
    )
    canvas.ribbon(upper - (0, 0.008), width, dark)
    canvas.ribbon(lower, 0.014 * HILL, (*mix(person.skin, (60, 24, 24), 0.6), 190))
    if person.lashes > 0.4:
        x, y = upper[-1]
        length = 0.09 * person.lashes
        for rise, start in ((0.55, 20), (0.8, 18), (1.0, 16)):
            x, y = upper[start]
            tip = (x + sign * length * (1.1 - 0.4 * rise), y - length * rise)
            canvas.ribbon(np.array([[x, y], tip]), np.array([0.028, 0.004]), dark)


def _folds(
    canvas: Canvas, person: Person, expression: Expression, sign: int, centre: float, edges: list[np.ndarray]
) -> None:
    """The fold over the lid, the bag under the eye, crow's feet and the shadow in the socket."""
    shadow = shadow_of(person.skin, 0.6)
    canvas.ribbon(edges[2], 0.02 * HILL**0.5, (*shadow, 150))
    squint, half = expression.squint, 0.265 * person.eye_size
    lower = float(edges[1][10, 1])
    bag = min(1.0, 0.22 + 0.5 * person.age + 0.6 * squint)
    points = [
        (centre - sign * half * 0.8, lower + 0.06),
        (centre, lower + 0.115 - 0.02 * squint),
        (centre + sign * half * 0.9, lower + 0.035),
    ]
    canvas.line(points, 0.022, (*shadow, round(110 * bag)))
    for tilt in (-0.07, 0.01, 0.09):
        outer = centre + sign * half * 1.12
        feet = max(0.0, squint * 0.9 + 0.35 * person.age - 0.25)
        ends = ((outer, tilt * 0.5), (outer + sign * 0.07, tilt), (outer + sign * 0.12, tilt * 1.5))
        canvas.line(ends, 0.022, (*shadow, round(150 * min(feet, 1))))
    canvas.blob(centre, -0.16, 0.3, 0.12, -0.1, (0.8, 1.0, 1.0))


def draw_brows(canvas: Canvas, person: Person, expression: Expression) -> None:
    """Both brows: their ends go where the expression pulls them, their arch is the person's."""
    for sign, _, inner, outer in _sides(expression):
        base = -0.335 * person.brow_height
        pull = expression.furrow
        start = (sign * (0.2 - 0.075 * pull), base - 0.185 * inner + 0.05 * pull)
        end = (sign * 0.72 * person.eye_spacing, base + 0.035 - 0.2 * outer)
        arch = 0.045 + 0.05 * person.brow_arch
        third, two = (
            (
                start[0] + (end[0] - start[0]) * share,
                start[1] + (end[1] - start[1]) * share - arch * height + 0.03 * pull * (share < 0.5),
            )
            for share, height in ((0.35, 0.75), (0.68, 1.0))
        )
        curve = spline([start, third, two, end])
        along = np.linspace(0, 1, len(curve))
        width = 0.098 * person.brow_thickness * (1 - along**2.2 * 0.86) * np.minimum(1, 0.62 + along * 2)
        canvas.ribbon(curve, width, (*person.brow_colour, 240))
        ridge = spline([start, third, two, end]) - (0, 0.012)
        canvas.ribbon(ridge[3:-6], 0.3 * width[3:-6], (*mix(person.brow_colour, (255, 230, 200), 0.2), 130))
