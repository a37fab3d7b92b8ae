"""Puts a portrait together: background, then from the back of the head to the glasses, then the light."""

import numpy as np
from PIL import Image

from annotate.demo.canvas import SUPERSAMPLE, Canvas, Light, Pose
from annotate.demo.expressions import Expression
from annotate.demo.eyes import draw_brows, draw_eyes
from annotate.demo.hair import draw_glasses, draw_hair_behind, draw_hair_front
from annotate.demo.head import draw_beard, draw_body, draw_ears, draw_head, draw_nose, draw_wrinkles
from annotate.demo.mouth import draw_mouth, shape_mouth
from annotate.demo.people import Person

BACKGROUNDS = (
    (196, 214, 230), (236, 214, 190), (206, 224, 204), (226, 204, 216), (214, 208, 232), (242, 230, 196),
    (150, 172, 190), (186, 162, 150), (136, 158, 146), (110, 118, 146), (222, 226, 228), (170, 200, 204),
)  # fmt: skip


def _background(size: int, rng: np.random.Generator) -> Image.Image:
    """Two colours that run into each other, with a few discs out of focus."""
    first, second = (np.array(BACKGROUNDS[i], float) for i in rng.choice(len(BACKGROUNDS), 2, replace=False))
    grid = np.linspace(-1, 1, 32)
    angle = rng.uniform(0, 2 * np.pi)
    slope = np.clip(0.5 + 0.4 * (np.cos(angle) * grid[None] + np.sin(angle) * grid[:, None]), 0, 1)
    for x, y, radius, gain in rng.uniform((-1, -1, 0.15, -0.5), (1, 1, 0.6, 0.5), size=(4, 4)):
        slope += gain * np.exp(-((grid[None] - x) ** 2 + (grid[:, None] - y) ** 2) / radius**2)
    colours = first + (second - first) * np.clip(slope, 0, 1)[..., None]
    return Image.fromarray(colours.astype(np.uint8)).resize((size, size), Image.Resampling.BILINEAR)


def render(
    person: Person, expression: Expression, *, rng: np.random.Generator, size: int = 224
) -> Image.Image:
    """A person's portrait with an expression, (size, size) RGB; `rng` draws pose, light and background."""
    canvas = Canvas(size, Pose.draw(rng), Light.draw(rng))
    canvas.image.paste(_background(size * SUPERSAMPLE, rng))
    mouth = shape_mouth(person, expression)
    draw_hair_behind(canvas, person)
    draw_body(canvas, person)
    draw_ears(canvas, person)
    draw_head(canvas, person, expression, mouth.jaw)
    draw_beard(canvas, person, mouth)
    draw_wrinkles(canvas, person, expression, mouth)
    draw_eyes(canvas, person, expression)
    draw_nose(canvas, person, expression)
    draw_mouth(canvas, person, expression, mouth)
    draw_hair_front(canvas, person)
    draw_brows(canvas, person, expression)
    draw_glasses(canvas, person)
    return canvas.finish()
