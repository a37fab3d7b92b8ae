"""What a drawn face does: the parameters of an expression, the named prototypes that they are drawn
from, and the distance between two expressions. No pixels here, and nothing of who the person is."""

from dataclasses import astuple, dataclass, fields, replace

import numpy as np


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression. Every field is 0 at rest; left and right are the picture's, not the person's.

    Ranges: brows, lids, gaze, corners, width and pout -1..1; the others 0..1.
    """

    brow_inner_left: float = 0.0
    """Inner end of the brow: -1 pulled down, 1 raised."""
    brow_inner_right: float = 0.0
    brow_outer_left: float = 0.0
    """Outer end of the brow: -1 pulled down, 1 raised."""
    brow_outer_right: float = 0.0
    furrow: float = 0.0
    """Brows drawn together, with upright lines between them."""
    lid_left: float = 0.0
    """Upper lid: -1 shut, 1 wide open."""
    lid_right: float = 0.0
    gaze_x: float = 0.0
    """-1 looks to the picture's left, 1 to its right."""
    gaze_y: float = 0.0
    """-1 looks down, 1 looks up."""
    squint: float = 0.0
    """Cheeks and lower lids pushed up."""
    nose_wrinkle: float = 0.0
    """Nose drawn up, with lines across its bridge."""
    corner_left: float = 0.0
    """Corner of the mouth: -1 pulled down, 1 pulled up."""
    corner_right: float = 0.0
    mouth_open: float = 0.0
    """How far the jaw drops."""
    mouth_width: float = 0.0
    """-1 puckered, 1 stretched sideways."""
    teeth: float = 0.0
    """How far the lips are drawn back from the teeth."""
    pout: float = 0.0
    """-1 lips pressed together, 1 lower lip pushed out."""
    tongue: float = 0.0
    """How far the tongue is out."""


FIELDS = tuple(field.name for field in fields(Expression))
POSITIVE = frozenset({"furrow", "squint", "nose_wrinkle", "mouth_open", "teeth", "tongue"})
"""Fields that run from 0; every other one runs from -1."""


def limits(name: str) -> tuple[float, float]:
    """The least and the greatest value of a field."""
    return (0.0 if name in POSITIVE else -1.0), 1.0


def _prototype(
    *,
    brow_inner: float = 0.0,
    brow_outer: float = 0.0,
    lids: float = 0.0,
    corners: float = 0.0,
    **rest: float,
) -> Expression:
    """An expression that is the same on both sides, except for what `rest` says."""
    both = {"brow_inner": brow_inner, "brow_outer": brow_outer, "lid": lids, "corner": corners}
    sides = {f"{name}_{side}": value for name, value in both.items() for side in ("left", "right")}
    return Expression(**{**sides, **rest})


PROTOTYPES: dict[str, Expression] = {
    "neutral": Expression(),
    "happiness": _prototype(
        brow_outer=0.15, squint=0.5, corners=0.9, mouth_open=0.12, mouth_width=0.4, teeth=0.75
    ),
    "laugh": _prototype(
        brow_inner=0.3, brow_outer=0.4, lids=-0.9, squint=1.0, corners=0.95, mouth_open=0.75, teeth=0.8,
        mouth_width=0.45,
    ),
    "content": _prototype(lids=-0.3, squint=0.35, corners=0.6, brow_inner=0.15, pout=-0.2),
    "surprise": _prototype(
        brow_inner=0.9, brow_outer=0.9, lids=0.9, mouth_open=0.75, mouth_width=-0.35
    ),
    "sadness": _prototype(
        brow_inner=0.85, brow_outer=-0.6, furrow=0.35, lids=-0.4, gaze_y=-0.6, corners=-0.85, pout=0.35
    ),
    "crying": _prototype(
        brow_inner=0.75, brow_outer=-0.5, furrow=0.6, lids=-0.95, squint=0.6, corners=-0.8, mouth_open=0.45,
        mouth_width=0.3, teeth=0.35,
    ),
    "anger": _prototype(
        brow_inner=-0.95, brow_outer=0.25, furrow=1.0, lids=0.25, squint=0.25, corners=-0.5, pout=-0.85,
        nose_wrinkle=0.2,
    ),
    "rage": _prototype(
        brow_inner=-1.0, brow_outer=0.4, furrow=1.0, lids=0.45, nose_wrinkle=0.6, corners=-0.4, teeth=1.0,
        mouth_open=0.4, mouth_width=0.5,
    ),
    "disgust": _prototype(
        brow_inner=-0.6, brow_outer=-0.3, furrow=0.5, lids=-0.45, squint=0.6, nose_wrinkle=1.0, corners=-0.6,
        teeth=0.5, mouth_width=-0.1,
    ),
    "fear": _prototype(
        brow_inner=0.95, brow_outer=0.2, furrow=0.6, lids=1.0, corners=-0.45, mouth_open=0.25,
        mouth_width=0.85, teeth=0.65,
    ),
    "contempt": _prototype(
        brow_inner=-0.15, lids=-0.35, corner_left=-0.1, corner_right=1.0, pout=-0.4, gaze_x=-0.3,
        gaze_y=-0.2,
    ),
    "sceptical": _prototype(
        brow_inner_left=-0.6, brow_outer_left=-0.35, brow_inner_right=0.55, brow_outer_right=0.95, furrow=0.3,
        lid_left=-0.4, lid_right=0.2, gaze_x=0.65, corner_left=-0.5, corner_right=-0.05, mouth_width=-0.25,
    ),
    "wink": _prototype(
        lid_left=-1.0, brow_inner_left=-0.35, brow_outer_left=-0.25, brow_outer_right=0.5, squint=0.3,
        corner_left=0.9, corner_right=0.5, teeth=0.25,
    ),
    "pout": _prototype(
        brow_inner=-0.3, brow_outer=-0.1, furrow=0.4, lids=-0.1, gaze_y=0.5, corners=-0.6, mouth_width=-0.7,
        pout=1.0,
    ),
    "kiss": _prototype(brow_inner=0.3, brow_outer=0.3, lids=-0.9, mouth_width=-1.0, pout=0.5, corners=0.15),
    "sleepy": _prototype(
        brow_inner=0.2, brow_outer=-0.25, lids=-0.72, gaze_y=-0.4, corners=-0.15, mouth_open=0.08
    ),
    "yawn": _prototype(
        brow_inner=0.5, brow_outer=0.1, furrow=0.25, lids=-0.95, squint=0.4, mouth_open=1.0, mouth_width=-0.3,
        nose_wrinkle=0.2,
    ),
    "cheeky": _prototype(
        brow_inner=0.2, brow_outer=0.45, lids=0.1, squint=0.25, corners=0.65, mouth_open=0.3, tongue=0.95
    ),
    "pondering": _prototype(
        brow_inner=0.1, brow_outer=0.35, furrow=0.25, gaze_x=0.75, gaze_y=0.85, corner_left=-0.1,
        corner_right=-0.35, mouth_width=-0.4, pout=-0.35,
    ),
}  # fmt: skip
"""Expressions at full strength, by name. A drawn one is a mixture of these."""

BLENDED = 0.5
"""Share of drawn expressions that have a second prototype mixed in."""


def draw_expression(rng: np.random.Generator) -> tuple[Expression, str]:
    """An expression and the name of the prototype that it started from.

    The strength varies, half have some of a second prototype, and all are made asymmetric and jittered;
    so the name is a loose one, as names of expressions are.
    """
    names = list(PROTOTYPES)
    first, second = rng.choice(len(names), size=2, replace=False)
    values = rng.uniform(0.5, 1.1) * np.array(astuple(PROTOTYPES[names[first]]))
    other = np.array(astuple(PROTOTYPES[names[second]]))
    blend, share = rng.random() < BLENDED, rng.uniform(0.2, 0.5)
    if blend:
        values = (1 - share) * values + share * other
    mirrored = rng.random() < 0.5
    lean = rng.normal(0.0, 0.12)
    jitter = rng.normal(0.0, 0.09, len(values))
    for index, name in enumerate(FIELDS):
        side = {"left": 1 - lean, "right": 1 + lean}.get(name.rpartition("_")[2], 1.0)
        # The tongue and the furrow are conspicuous already when small, so rest must mean rest for them.
        wobble = jitter[index] if values[index] or name not in POSITIVE else 0.0
        values[index] = np.clip(values[index] * side + wobble, *limits(name))
    expression = Expression(**dict(zip(FIELDS, map(float, np.round(values, 4)), strict=True)))
    return (mirror(expression) if mirrored else expression), names[first]


def mirror(expression: Expression) -> Expression:
    """The same expression as a mirror shows it."""
    swapped = {
        name: getattr(expression, name.replace(*(("left", "right") if "left" in name else ("right", "left"))))
        for name in FIELDS
    }
    return replace(Expression(**swapped), gaze_x=-expression.gaze_x)


TYPICAL = 1.263
"""Distance of a typical random pair before scaling; measured once on drawn expressions."""


def expression_vector(expression: Expression) -> tuple[float, ...]:
    """18 numbers; the Euclidean distance of two vectors is the visual dissimilarity of two expressions.

    A typical random pair is 1 apart. Each part is weighted by how much it changes the look (of the variance
    the mouth has .45, the eyes with the squint .28, the brows .24, the nose .03). What is hidden counts
    little: gaze behind shut lids, teeth behind a shut mouth. Different expressions have different vectors.
    """
    e = expression
    seen = 0.15 + 0.85 * float(np.clip(1 + (e.lid_left + e.lid_right) / 2, 0, 1))
    pairs = (
        (e.brow_inner_left, e.brow_inner_right, 0.95),
        (e.brow_outer_left, e.brow_outer_right, 0.8),
        (e.lid_left, e.lid_right, 1.0),
        (e.corner_left, e.corner_right, 0.95),
    )
    vector = []
    for left, right, weight in pairs:
        vector += [weight * (left + right) / 2, 0.8 * weight * (left - right) / 2]
    vector += [
        0.6 * e.furrow,
        0.9 * seen * e.gaze_x,
        0.75 * seen * e.gaze_y,
        0.85 * e.squint,
        0.9 * e.nose_wrinkle,
        1.3 * e.mouth_open,
        0.75 * e.mouth_width,
        0.85 * e.teeth,
        0.65 * e.pout,
        1.1 * e.tongue,
    ]
    return tuple(value / TYPICAL for value in vector)
