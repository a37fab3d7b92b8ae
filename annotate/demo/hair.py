"""Draws hair and what is worn on or before it: one part behind the head, one over the forehead, by style."""

import numpy as np

from annotate.demo.canvas import Canvas, Ink, Points, ellipse, mirrored, spline
from annotate.demo.people import Person, mix

# The hairline's right half from the middle to the temple; those in LEFT have another left half.
# They stay above where raised brows go.
HAIRLINES: dict[str, list[tuple[float, float]]] = {
    "buzz": [(0, -0.9), (0.5, -0.84), (0.86, -0.55), (0.97, -0.15)],
    "side_part": [(-0.1, -0.74), (0.4, -0.64), (0.84, -0.5), (0.98, 0.0)],
    "quiff": [(0, -0.98), (0.62, -0.9), (0.88, -0.55), (0.98, -0.05)],
    "crop": [(0, -0.68), (0.45, -0.71), (0.88, -0.56), (0.98, -0.1)],
    "centre": [(0, -1.08), (0.45, -0.8), (0.9, -0.42), (1.0, 0.1)],
    "sweep": [(-0.3, -1.0), (0.3, -0.66), (0.84, -0.44), (1.0, 0.1)],
    "fringe": [(0, -0.62), (0.6, -0.59), (0.88, -0.4), (1.0, 0.3)],
    "sleek": [(0, -0.98), (0.5, -0.86), (0.88, -0.5), (0.98, 0.0)],
}  # fmt: skip
LEFT: dict[str, list[tuple[float, float]]] = {
    "side_part": [(-0.5, -0.95), (-0.88, -0.5), (-0.98, 0.0)],
    "sweep": [(-0.66, -0.86), (-0.92, -0.4), (-1.0, 0.1)],
}
# Style: hairline, and how far the hair stands off the skull at the sides and on top.
CAPS: dict[str, tuple[str, float, float]] = {
    "buzz": ("buzz", 0.02, 0.04), "side_part": ("side_part", 0.07, 0.2), "quiff": ("quiff", 0.05, 0.12),
    "crop": ("crop", 0.06, 0.13), "curls": ("quiff", 0.06, 0.1), "afro": ("quiff", 0.1, 0.12),
    "swept": ("sweep", 0.09, 0.22), "bob": ("fringe", 0.14, 0.18), "straight": ("centre", 0.1, 0.14),
    "waves": ("sweep", 0.13, 0.2), "bun": ("sleek", 0.04, 0.08), "ponytail": ("sleek", 0.04, 0.08),
    "puffs": ("centre", 0.05, 0.07), "fringe": ("fringe", 0.12, 0.16),
}  # fmt: skip


# Right halves of what hangs behind the head.
CURTAINS: dict[str, list[tuple[float, float]]] = {
    "bob": [(0.6, -1.32), (1.16, -0.7), (1.3, 0.3), (1.22, 0.98), (0.8, 1.06)],
    "straight": [(0.6, -1.3), (1.1, -0.7), (1.2, 0.3), (1.24, 1.4), (1.2, 2.2), (0.5, 2.2)],
    "waves": [
        (0.6, -1.34), (1.18, -0.7), (1.2, -0.1), (1.42, 0.4), (1.28, 0.9), (1.5, 1.4), (1.3, 2.0), (0.5, 2.1),
    ],
    "fringe": [(0.6, -1.3), (1.14, -0.7), (1.18, 0.3), (1.12, 1.1), (1.2, 1.5), (0.7, 1.6)],
    "swept": [(0.6, -1.3), (1.1, -0.7), (1.1, -0.1), (1.0, 0.5), (0.5, 0.7)],
}  # fmt: skip
DRAPE = [(0.55, -1.36), (1.12, -0.9), (1.26, 0.0), (1.2, 0.9), (1.34, 1.6), (1.2, 2.5), (0.4, 2.6)]
TAIL = [(0.7, -0.9), (1.25, -0.6), (1.42, 0.2), (1.3, 1.1), (1.45, 1.7), (1.12, 1.4), (1.1, 0.4), (0.9, -0.3)]
TEMPLE = [(1.0, 0.12), (0.93, -0.3), (0.8, -0.62), (0.72, -1.02), (0.98, -0.86), (1.1, -0.4), (1.08, 0.0)]


def _ink(person: Person, light: float = 0.0) -> Ink:
    """The hair's colour, lighter (light > 0) or darker."""
    return mix(person.hair_colour, (255, 236, 210) if light > 0 else (14, 8, 16), abs(light))


def _tuft(canvas: Canvas, person: Person, balls: np.ndarray, depth: float, light: float) -> None:
    """Round locks: rows of x, y, radius."""
    for x, y, radius in balls:
        canvas.polygon(ellipse(x, y, radius, radius, 20), _ink(person, light), depth=depth, region="hair")


def draw_hair_behind(canvas: Canvas, person: Person) -> None:
    """What falls or stands behind the head."""
    style, dark = person.hair_style, _ink(person, -0.28)
    wide = person.face_width
    if style in CURTAINS:
        points = spline(mirrored(np.array(CURTAINS[style]) * (wide, 1)), closed=True)
        canvas.polygon(points, dark, depth=-0.5, region="hair")
    elif style == "headscarf":
        points = spline(mirrored(DRAPE), closed=True)
        canvas.polygon(points, mix(person.accent, (16, 10, 30), 0.25), depth=-0.3, region="")
    elif style == "afro":
        angle = np.linspace(np.pi * 0.9, np.pi * 2.1, 19)
        ring = np.stack([1.2 * wide * np.cos(angle), 1.25 * np.sin(angle) - 0.28, 0.34 + 0 * angle], axis=1)
        canvas.polygon(ellipse(0, -0.4, 1.25 * wide, 1.2), dark, depth=-0.4, region="hair")
        _tuft(canvas, person, ring, -0.4, -0.28)
    elif style == "bun":
        canvas.polygon(ellipse(0, -1.42, 0.42, 0.36), _ink(person, -0.1), depth=-0.3, region="hair")
    elif style == "puffs":
        for sign in (-1, 1):
            angle = np.linspace(0, 2 * np.pi, 10)
            ball = np.stack(
                [sign * 1.08 + 0.26 * np.cos(angle), -0.92 + 0.26 * np.sin(angle), 0.22 + 0 * angle], axis=1
            )
            _tuft(canvas, person, ball, -0.2, -0.12)
    elif style == "ponytail":
        canvas.polygon(spline(TAIL, closed=True), dark, depth=-0.6, region="hair")


def _cap(person: Person, hairline: str, side: float, top: float) -> tuple[Points, Points]:
    """A cap of hair (n, 2) between the hairline and an arc off the skull, and its depths (n,)."""
    right = HAIRLINES[hairline]
    left = LEFT.get(hairline, [(-x, y) for x, y in right[1:]])
    low = spline([*reversed(left), *right]) * (person.face_width, 1)
    angle = np.linspace(0, np.pi, 33)
    start = low[-1, 1]
    out_x = (
        (person.face_width + side)
        * np.cos(angle) ** 1
        * (1 + 0.05 * np.sin(2 * angle) * np.sign(np.cos(angle)))
    )
    out_y = start + (-1.27 - top - start) * np.sin(angle) ** 0.85
    arc = np.stack([out_x, out_y], axis=1)
    # Near the temples the hairline lies on the head's edge, in the middle on its front.
    front = (
        0.8
        * np.sqrt(np.clip(1 - (low[:, 0] / (1.02 * person.face_width)) ** 2, 0, 1))
        * np.clip(1.2 + low[:, 1] * 0.5, 0.4, 1)
    )
    return np.concatenate([low, arc]), np.concatenate([front, np.zeros(len(arc))])


def draw_hair_front(canvas: Canvas, person: Person) -> None:
    """What lies over the forehead and frames the face."""
    style, wide = person.hair_style, person.face_width
    if style == "receding":
        for sign in (-1, 1):
            points = spline(np.array(TEMPLE) * (sign * wide, 1), closed=True)
            canvas.polygon(points, _ink(person), depth=0.1, region="hair")
    elif style in CAPS:
        hairline, side, top = CAPS[style]
        points, depth = _cap(person, hairline, side, top)
        # Shaved hair lets the skin through.
        ink = (*mix(person.hair_colour, person.skin, 0.2), 215) if style == "buzz" else _ink(person)
        canvas.polygon(points, ink, depth=depth, region="hair")
    _details(canvas, person)


def _details(canvas: Canvas, person: Person) -> None:
    """What one style has and the others have not."""
    style, wide = person.hair_style, person.face_width
    if style in {"curls", "afro"}:
        angle = np.linspace(np.pi * 1.1, np.pi * 1.9, 13)
        for reach, radius, light in ((1.0, 0.2, -0.06), (0.86, 0.17, 0.04)):
            row = np.stack(
                [reach * wide * np.cos(angle), reach * 1.22 * np.sin(angle) - 0.12, radius + 0 * angle],
                axis=1,
            )
            _tuft(canvas, person, row, 0.25, light)
    elif style == "quiff":
        crest = [
            (-0.92, -0.62),
            (-0.98, -1.1),
            (-0.5, -1.52),
            (0.2, -1.6),
            (0.8, -1.4),
            (0.98, -1.0),
            (0.9, -0.62),
            (0.3, -0.9),
            (-0.4, -0.86),
        ]
        canvas.polygon(
            spline(np.array(crest) * (wide, 1), closed=True), _ink(person, 0.06), depth=0.35, region="hair"
        )
    elif style in {"straight", "waves", "bob", "fringe"}:
        _locks(canvas, person)
    elif style in {"beanie", "headscarf"}:
        _headgear(canvas, person)
    elif style == "ponytail":
        canvas.polygon(ellipse(0.86 * wide, -0.86, 0.1, 0.14), person.accent, depth=-0.2, region="")


def _locks(canvas: Canvas, person: Person) -> None:
    """Long hair in front of the ears, down both sides."""
    ends = {"straight": 1.9, "waves": 1.6, "bob": 0.95, "fringe": 1.3}[person.hair_style]
    wave = 0.1 if person.hair_style == "waves" else 0.02
    y = np.linspace(-0.75, ends, 9)
    sway = wave * np.sin(np.linspace(0, 9, 9))
    inner = np.stack([0.95 + 0.02 * y + sway - 0.1 * (y < -0.4), y], axis=1)
    outer = np.stack([1.16 + 0.06 * y + sway + 0.04 * (y > 0), y + 0.06], axis=1)
    outer[0, 0] = 0.9
    lock = spline(np.concatenate([inner, outer[::-1]]), closed=True)
    for sign in (-1, 1):
        canvas.polygon(lock * (sign * person.face_width, 1), _ink(person, -0.06), depth=0.05, region="hair")


def _headgear(canvas: Canvas, person: Person) -> None:
    """A knitted hat, or a scarf around the face."""
    colour, dark, wide = person.accent, mix(person.accent, (16, 10, 30), 0.22), person.face_width
    if person.hair_style == "beanie":
        dome = [(0.45, -1.5), (0.88, -1.24), (1.1, -0.75), (1.1, -0.4), (0.5, -0.7)]
        canvas.polygon(
            spline(mirrored(np.array(dome) * (wide, 1)), closed=True), colour, depth=0.2, region=""
        )
        turn = np.linspace(-1.4, 1.4, 21)
        rim = np.stack([1.1 * wide * np.sin(turn), -0.44 - 0.35 * np.cos(turn)], axis=1)
        canvas.ribbon(rim, 0.25, dark, depth=0.12 + 0.35 * np.cos(turn))
        return
    angle = np.linspace(0, 2 * np.pi, 49)
    inner = np.stack([0.9 * wide * np.sin(angle), 0.36 + 1.13 * -np.cos(angle)], axis=1)
    inner[:, 1] = np.where(inner[:, 1] > 1.0, inner[:, 1] + 0.16, inner[:, 1])
    outer = np.stack([1.2 * wide * np.sin(angle), 0.2 + 1.62 * -np.cos(angle)], axis=1)
    depth = 0.05 + 0.35 * np.abs(np.cos(angle))
    canvas.polygon(
        np.concatenate([inner, outer[::-1]]),
        colour,
        depth=np.concatenate([depth, depth[::-1] * 0]),
        region="",
    )
    canvas.ribbon(inner * 1.03, 0.07, dark, depth=depth)


def draw_glasses(canvas: Canvas, person: Person) -> None:
    """Thin frames: they must not hide the eyes or the brows."""
    if person.glasses == "none":
        return
    # Dark frames vanish on dark skin.
    frame = mix(person.accent, (20, 18, 26) if sum(person.skin) > 360 else (240, 226, 200), 0.45)
    turn = np.linspace(0, 2 * np.pi, 33)
    power = 1.0 if person.glasses == "round" else 0.55
    for sign in (-1, 1):
        x = sign * 0.44 * person.eye_spacing
        rim_x = x + 0.36 * np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** power
        rim_y = 0.03 + 0.29 * np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** power
        rim = np.stack([rim_x, rim_y], axis=1)
        canvas.polygon(rim, (255, 255, 255, 22), lift=0.12)
        canvas.ribbon(rim, 0.035, frame, lift=0.12)
        arm = np.array([[x + sign * 0.36, -0.04], [sign * 1.0 * person.face_width, -0.06]])
        canvas.ribbon(arm, 0.04, frame, depth=np.array([0.66, 0.0]))
    bridge = spline(
        [(-0.44 * person.eye_spacing + 0.35, 0.0), (0, -0.05), (0.44 * person.eye_spacing - 0.35, 0.0)]
    )
    canvas.ribbon(bridge, 0.035, frame, lift=0.14)
