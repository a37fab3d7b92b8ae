"""Draws what carries the features: neck, clothes, ears, the head itself, nose, lines of the skin, beard."""

import numpy as np

from annotate.demo.canvas import Canvas, Points, ellipse, mirrored, spline
from annotate.demo.expressions import Expression
from annotate.demo.mouth import Mouth
from annotate.demo.people import Colour, Person, mix, shadow_of

EARS_COVERED = frozenset({"bob", "straight", "waves", "fringe", "headscarf"})


def head_outline(person: Person, jaw: float) -> tuple[Points, Points]:
    """The head's outline (n, 2) and the depth of each of its points (n,); `jaw` is the chin's drop."""
    wide, long = person.face_width, person.face_length
    right = [
        (0.30 * wide, -1.26),
        (0.68 * wide, -1.06),
        (0.94 * wide, -0.66),
        (1.0 * wide, -0.12),
        (0.97 * wide, 0.34 * long),
        ((0.55 + 0.45 * person.jaw) * wide, 0.70 * long + 0.3 * jaw),
        (person.jaw * wide * 0.93, 1.0 * long + 0.7 * jaw),
        (person.chin * wide * 1.25, 1.28 * long + jaw),
        (person.chin * wide * 0.45, 1.37 * long + jaw),
    ]
    outline = spline(mirrored(right), closed=True)
    return outline, 0.38 * np.clip((outline[:, 1] - 0.35) / 1.0, 0, 1)


def draw_body(canvas: Canvas, person: Person) -> None:
    """Shoulders, clothes with their collar, and the neck with the head's shadow on it."""
    neck = 0.5 if person.jaw < 0.74 else 0.6
    cloth, dark = person.clothing, mix(person.clothing, (16, 12, 30), 0.3)
    shoulders = [(0.5, 1.36), (0.95, 1.58), (1.62, 1.78), (2.0, 2.6), (0.6, 2.8)]
    canvas.polygon(spline(mirrored(shoulders), closed=True), cloth, depth=-0.35, region="")
    throat = [(neck, 0.6), (neck, 1.3), (neck + 0.14, 1.56), (0.3, 1.86)]
    if person.collar == "v":
        throat = [(neck, 0.6), (neck, 1.3), (neck + 0.2, 1.5), (0.06, 2.15)]
    outline = np.concatenate([spline(throat), (spline(throat) * (-1, 1))[::-1]])
    canvas.polygon(outline, mix(person.skin, shadow_of(person.skin), 0.45), depth=-0.2, region="skin")
    shade = ellipse(0.1 * canvas.light.x, 1.06 * person.face_length, 0.82, 0.52)
    shade = shade[np.abs(shade[:, 0]) < neck]
    canvas.polygon(shade, (*shadow_of(person.skin, 0.7), 120), depth=-0.2)
    _collar(canvas, person, throat, dark)


def _collar(canvas: Canvas, person: Person, throat: list[tuple[float, float]], dark: Colour) -> None:
    """The neckline by kind; one kind fits every neck."""
    edge = spline([*throat[2:], (0.0, throat[-1][1] + 0.06), *((-x, y) for x, y in throat[:1:-1])])
    if person.collar in {"crew", "v"}:
        canvas.ribbon(edge, 0.1, dark, depth=-0.2)
    elif person.collar == "shirt":
        for sign in (-1, 1):
            wing = np.array([(0.66, 1.34), (0.74, 1.62), (0.36, 2.02), (0.03, 1.86)]) * (sign, 1)
            canvas.polygon(wing, mix(person.clothing, (255, 255, 255), 0.3), depth=-0.1, region="")
            canvas.ribbon(wing[1:3], 0.02, dark, depth=-0.1)
    else:
        for sign in (-1, 1):
            hood = spline(
                np.array([(0.62, 1.22), (1.02, 1.42), (0.86, 1.82), (0.3, 2.06), (0.52, 1.66)]) * (sign, 1),
                closed=True,
            )
            canvas.polygon(hood, dark, depth=-0.1, region="")
            canvas.ribbon(
                np.array([(0.34, 1.95), (0.36, 2.4)]) * (sign, 1), 0.045, (240, 240, 236), depth=-0.1
            )


def draw_ears(canvas: Canvas, person: Person) -> None:
    """Ears behind the head's outline, and what hangs from them; some hair covers both."""
    if person.hair_style in EARS_COVERED:
        return
    size, wide = person.ear_size, person.face_width
    for sign in (-1, 1):
        x = sign * wide * (0.98 + 0.06 * size)
        canvas.polygon(
            ellipse(x, 0.12, 0.15 * size, 0.27 * size),
            mix(person.skin, (200, 80, 70), 0.1),
            depth=-0.2,
            region="skin",
        )
        canvas.polygon(
            ellipse(x + 0.02 * sign, 0.1, 0.08 * size, 0.17 * size),
            (*shadow_of(person.skin), 130),
            depth=-0.2,
        )
        if person.earrings:
            canvas.polygon(
                ellipse(x, 0.12 + 0.36 * size, 0.065, 0.085), (240, 200, 90), depth=-0.2, region=""
            )


def draw_head(canvas: Canvas, person: Person, expression: Expression, jaw: float) -> None:
    """The skin, with the soft hills and hollows that the finish shades."""
    outline, depth = head_outline(person, jaw)
    canvas.polygon(outline, person.skin, depth=depth, region="skin")
    cheek = 0.1 * person.blush + 0.1
    lifted = max(expression.squint, 0.0) * 0.12
    for sign in (-1, 1):
        canvas.blob(0.58 * sign, 0.42 - lifted, 0.24, 0.19, cheek * 0.5, (0.6, -1.0, -0.8))
        canvas.blob(0.6 * sign, 0.34 - lifted, 0.17, 0.12, 0.07 + 0.14 * expression.squint)
        canvas.blob(0.86 * sign, 0.78, 0.2, 0.4, -0.1 - 0.08 * person.age)
    canvas.blob(0.0, -0.72, 0.5, 0.22, 0.06)
    canvas.blob(0.0, 1.2 * person.face_length + jaw, 0.2, 0.12, 0.06)
    _freckles(canvas, person)


def _freckles(canvas: Canvas, person: Person) -> None:
    """The same spots on every picture of one person: they follow from the person's own proportions."""
    if person.freckles == 0:
        return
    spots = np.random.default_rng(round(person.eye_size * 1e6)).normal(size=(round(36 * person.freckles), 2))
    for x, y in spots * (0.42, 0.11) + (0, 0.3):
        canvas.polygon(ellipse(x, y, 0.02, 0.018, 8), (*shadow_of(person.skin, 0.55), 120))


def draw_nose(canvas: Canvas, person: Person, expression: Expression) -> None:
    """Ridge, tip, wings and nostrils; a wrinkled nose is shorter, wider and has lines across."""
    wrinkle, skin = expression.nose_wrinkle, person.skin
    base = 0.47 * person.face_length * person.nose_length - 0.06 * wrinkle
    wide = 0.2 * person.nose_width * (1 + 0.2 * wrinkle)
    shadow = shadow_of(skin, 0.65)
    side = -1 if canvas.light.x > 0 else 1
    flank = [
        (side * 0.07, -0.16),
        (side * 0.08, 0.12),
        (side * wide * 0.95, base - 0.04),
        (side * 0.05, base - 0.08),
    ]
    canvas.polygon(spline(flank, closed=True), (*shadow, 46), lift=0.1)
    canvas.blob(-side * 0.02, base - 0.14, 0.1, 0.1, 0.13)
    canvas.blob(-side * 0.02, base * 0.4, 0.055, 0.24, 0.08)
    canvas.blob(0.0, base + 0.1, 0.22, 0.08, -0.16)
    for sign in (-1, 1):
        nostril = ellipse(sign * wide * 0.5, base - 0.005, 0.058 * person.nose_width, 0.03 + 0.012 * wrinkle)
        canvas.polygon(nostril, (*mix(skin, (52, 12, 16), 0.72), 225), lift=0.14)
        wing = (
            (sign * wide * 0.86, base - 0.17),
            (sign * wide * 1.12, base - 0.05),
            (sign * wide * 0.8, base + 0.035),
        )
        canvas.line(wing, 0.034, (*shadow, 190), lift=0.1)
    canvas.line(
        ((-wide * 0.3, base + 0.03), (0, base + 0.055), (wide * 0.3, base + 0.03)),
        0.03,
        (*shadow, 170),
        lift=0.2,
    )
    for row in range(3):
        y, reach = -0.02 + 0.075 * row, 0.12 + 0.03 * row
        ink = (*shadow, round(190 * wrinkle))
        canvas.line(((-reach, y + 0.035), (0, y - 0.03), (reach, y + 0.035)), 0.026, ink, lift=0.1)


def draw_wrinkles(canvas: Canvas, person: Person, expression: Expression, mouth: Mouth) -> None:
    """Lines of the forehead, between the brows and from the nose to the mouth."""
    e, shadow = expression, shadow_of(person.skin, 0.65)
    for sign, inner, outer in (
        (-1, e.brow_inner_left, e.brow_outer_left),
        (1, e.brow_inner_right, e.brow_outer_right),
    ):
        raised = max(0.0, 0.7 * inner + 0.5 * outer) + 0.28 * person.age
        for row in range(3):
            y = -0.60 - 0.09 * row
            ends = ((sign * 0.02, y), (sign * 0.25, y - 0.035), (sign * 0.52, y + 0.01))
            canvas.line(ends, 0.022, (*shadow, round(120 * min(raised, 1))))
        frown = min(1.0, e.furrow + 0.2 * person.age)
        canvas.line(
            ((sign * 0.065, -0.42), (sign * 0.045, -0.3), (sign * 0.07, -0.2)),
            0.032,
            (*shadow, round(190 * frown)),
        )
    for sign, corner, index in ((-1, e.corner_left, 0), (1, e.corner_right, -1)):
        pulled = max(corner, 0.0) * 0.75 + 0.8 * e.nose_wrinkle + 0.35 * max(e.mouth_width, 0.0)
        depth = min(1.0, pulled + 0.5 * person.age)
        end = mouth.x[index] + sign * 0.1, float(mouth.upper[index]) + 0.09 * max(corner, 0.0)
        start = (sign * 0.25 * person.nose_width, 0.42 * person.face_length - 0.06 * e.nose_wrinkle)
        bulge = 0.08 + 0.06 * max(corner, 0.0)
        middle = ((start[0] + end[0]) / 2 + sign * bulge, (start[1] + end[1]) / 2 - 0.02)
        canvas.line((start, middle, end), 0.034, (*shadow, round(150 * depth)))
        canvas.blob(middle[0] + 0.06 * sign, middle[1], 0.1, 0.14, 0.08 * pulled)


def draw_beard(canvas: Canvas, person: Person, mouth: Mouth) -> None:
    """Hair around the mouth and along the jaw; it moves with both and never covers the lips."""
    if person.beard == "none":
        return
    outline, depth = head_outline(person, mouth.jaw)
    ink: tuple[int, ...] = (*person.beard_colour, 240)
    if person.beard == "stubble":
        ink = (*mix(person.beard_colour, person.skin, 0.2), 62)
    top = 0.6 * person.face_length
    if person.beard in {"stubble", "full"}:
        low = outline[:, 1] > 0.2
        jawline = outline[low] * (1.0, 1.02)
        order = np.argsort(np.arctan2(jawline[:, 0], jawline[:, 1] - 0.2))
        cheek = spline([(0.93, 0.2), (0.78, 0.56), (0.55, top + 0.06), (0.2, top - 0.06), (0, top - 0.03)])
        cheek = np.concatenate([cheek, (cheek * (-1, 1))[::-1]])
        points = np.concatenate([jawline[order], cheek])
        flat = np.concatenate([depth[low][order], 0.4 + 0.45 * (1 - np.abs(cheek[:, 0]))])
        canvas.polygon(points, ink, depth=flat, region="hair" if person.beard == "full" else None)
    if person.beard in {"moustache", "goatee"}:
        _moustache(canvas, mouth, ink)
    if person.beard == "goatee":
        below = float(mouth.bottom[20])
        tuft = [
            (0.0, below + 0.06),
            (0.24, below + 0.12),
            (0.3, 1.25 * person.face_length + mouth.jaw),
            (0.14, 1.42 * person.face_length + mouth.jaw),
        ]
        canvas.polygon(spline(mirrored(tuft), closed=True), ink, region="hair")


def _moustache(canvas: Canvas, mouth: Mouth, ink: tuple[int, ...]) -> None:
    """From under the nose out past the corners, along the upper lip."""
    top = mouth.edge(mouth.top)[4:-4:4] * (1.15, 1)
    crest = top - np.stack([np.zeros(len(top)), 0.015 + 0.12 * mouth.bow[4:-4:4]], axis=1)
    canvas.polygon(
        spline(np.concatenate([np.add(top, (0, 0.02)), crest[::-1]]), closed=True),
        ink,
        lift=0.06,
        region="hair",
    )
