"""Who a drawn face is: the parameters of a person, their palettes, and drawing people who differ.
No pixels here, and nothing of the expression."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

Colour = tuple[int, int, int]
T = TypeVar("T")

SKINS: tuple[Colour, ...] = (
    (252, 219, 200), (248, 208, 182), (242, 196, 162), (232, 182, 142), (218, 162, 118),
    (200, 142, 100), (176, 118, 80), (150, 98, 66), (124, 80, 56), (98, 64, 48),
)  # fmt: skip
HAIR_COLOURS: dict[str, Colour] = {
    "black": (38, 33, 36), "espresso": (62, 43, 36), "brown": (98, 64, 42), "chestnut": (132, 78, 46),
    "auburn": (150, 62, 36), "ginger": (206, 104, 42), "honey": (198, 148, 82), "blond": (222, 184, 110),
    "ash": (160, 146, 128), "grey": (150, 152, 158), "white": (208, 206, 204), "teal": (44, 140, 146),
    "pink": (222, 116, 158), "violet": (120, 84, 168),
}  # fmt: skip
EYE_COLOURS: tuple[Colour, ...] = (
    (74, 46, 30), (104, 66, 36), (138, 98, 46), (86, 122, 70), (70, 130, 112), (74, 128, 178),
    (112, 134, 154),
)  # fmt: skip
CLOTHES: tuple[Colour, ...] = (
    (52, 84, 140), (178, 58, 62), (42, 122, 98), (238, 186, 74), (90, 66, 120), (226, 226, 220), (48, 50, 58),
    (224, 128, 96), (120, 168, 200), (146, 170, 108), (206, 132, 170), (124, 88, 66),
)  # fmt: skip
SHORT_STYLES = ("buzz", "side_part", "quiff", "curls", "crop", "afro", "bald", "receding", "beanie", "swept")
LONG_STYLES = ("bob", "straight", "waves", "bun", "ponytail", "puffs", "afro", "headscarf", "swept", "fringe")
BEARDS = ("none", "stubble", "moustache", "goatee", "full")
COLLARS = ("crew", "v", "shirt", "hood")


@dataclass(frozen=True, slots=True)
class Person:
    """One person. Proportions are factors of the average (about 0.85..1.15) unless said otherwise."""

    skin: Colour
    face_width: float
    face_length: float
    jaw: float
    """Half width of the jaw's corners, in half widths of the face: 0.64 pointed .. 0.9 square."""
    chin: float
    """Half width of the chin, likewise: 0.22 .. 0.46."""
    ear_size: float
    eye_colour: Colour
    eye_size: float
    eye_spacing: float
    eye_tilt: float
    """How much higher the outer corners of the eyes are, in half widths of the face: -0.03 .. 0.06."""
    eye_roundness: float
    lashes: float
    """0 none .. 1 long."""
    eyeshadow: float
    """0 none .. 1 strong."""
    brow_colour: Colour
    brow_thickness: float
    """0.6 .. 1.7."""
    brow_arch: float
    """0 straight .. 1 arched."""
    brow_height: float
    nose_length: float
    nose_width: float
    """0.75 .. 1.35."""
    lip_fullness: float
    """0.7 .. 1.5."""
    lip_width: float
    lip_colour: Colour
    hair_style: str
    """One of SHORT_STYLES or LONG_STYLES."""
    hair_colour: Colour
    accent: Colour
    """Colour of a hat, a scarf, glasses or earrings."""
    beard: str
    """One of BEARDS."""
    beard_colour: Colour
    glasses: str
    """none, round or square."""
    age: float
    """0 young .. 1 old: lines and shadows."""
    freckles: float
    """0 none .. 1 many."""
    blush: float
    """0 pale .. 1 rosy."""
    earrings: bool
    clothing: Colour
    collar: str
    """One of COLLARS."""


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`share` (0..1) of the second colour in the first."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def shadow_of(skin: Colour, strength: float = 0.5) -> Colour:
    """The skin's own shadow: a share of the skin, redder, so that it shows on every tone."""
    red, green, blue = skin
    return mix(skin, (round(0.46 * red), round(0.27 * green), round(0.28 * blue)), strength)


def _pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    return options[int(rng.integers(len(options)))]


def _hair_colour(rng: np.random.Generator, tone: float, age: float) -> Colour:
    """Dark skin goes with dark hair, age with grey."""
    if age > 0.62 and rng.random() < 0.75:
        return HAIR_COLOURS[_pick(rng, ("ash", "grey", "white"))]
    dark = ("black", "espresso", "brown")
    every = (*dark, "chestnut", "auburn", "ginger", "honey", "blond")
    colour = HAIR_COLOURS[_pick(rng, dark if rng.random() < tone * 1.3 else every)]
    return mix(colour, (128, 100, 80), rng.uniform(0, 0.12))


def _brow_colour(hair: Colour, skin: Colour) -> Colour:
    """The hair's, but darker or lighter enough than the skin that the brows can be read."""
    colour = mix(hair, (40, 30, 28), 0.45 if sum(hair) > 300 else 0.1)
    if 0.5 * sum(skin) < sum(colour) < 1.25 * sum(skin):
        colour = mix(colour, (20, 14, 16), 0.55)
    return colour


def _lip_colour(rng: np.random.Generator, skin: Colour, soft: bool) -> Colour:
    """A rosier skin, or lipstick."""
    natural = mix(skin, (176, 62, 70), rng.uniform(0.38, 0.52))
    if soft and rng.random() < 0.45:
        paint = _pick(rng, ((196, 40, 60), (214, 86, 110), (150, 40, 78), (222, 108, 84)))
        return mix(natural, paint, rng.uniform(0.55, 0.9))
    return natural


def _features(rng: np.random.Generator, soft: bool, skin: Colour) -> dict[str, Any]:
    """Bones, eyes, brows, nose and lips; soft faces have rounder jaws, thinner brows and longer lashes."""
    return {
        "face_width": rng.uniform(0.9, 1.09),
        "face_length": rng.uniform(0.92, 1.07),
        "jaw": rng.uniform(0.64, 0.8) if soft else rng.uniform(0.72, 0.9),
        "chin": rng.uniform(0.22, 0.36) if soft else rng.uniform(0.28, 0.46),
        "ear_size": rng.uniform(0.8, 1.3),
        "eye_colour": _pick(rng, EYE_COLOURS if sum(skin) > 470 else EYE_COLOURS[:4]),
        "eye_size": rng.uniform(0.9, 1.18),
        "eye_spacing": rng.uniform(0.93, 1.09),
        "eye_tilt": rng.uniform(-0.03, 0.06),
        "eye_roundness": rng.uniform(0.85, 1.15),
        "lashes": rng.uniform(0.45, 1.0) if soft else rng.uniform(0.0, 0.3),
        "eyeshadow": rng.uniform(0.3, 1.0) if soft and rng.random() < 0.4 else 0.0,
        "brow_thickness": rng.uniform(0.65, 1.1) if soft else rng.uniform(0.95, 1.7),
        "brow_arch": rng.uniform(0.3, 1.0) if soft else rng.uniform(0.0, 0.6),
        "brow_height": rng.uniform(0.94, 1.1),
        "nose_length": rng.uniform(0.88, 1.12),
        "nose_width": rng.uniform(0.75, 1.1) if soft else rng.uniform(0.85, 1.35),
        "lip_fullness": rng.uniform(0.95, 1.5) if soft else rng.uniform(0.7, 1.2),
        "lip_width": rng.uniform(0.88, 1.14),
        "lip_colour": _lip_colour(rng, skin, soft),
    }


def draw_person(rng: np.random.Generator) -> Person:
    """One person at random."""
    soft = bool(rng.random() < 0.5)
    tone = rng.random()
    skin = mix(SKINS[int(tone * len(SKINS))], (236, 150, 130), rng.uniform(0.0, 0.12))
    age = rng.random() ** 2
    features = _features(rng, soft, skin)
    natural = _hair_colour(rng, tone, age)
    dyed = HAIR_COLOURS[_pick(rng, ("teal", "pink", "violet"))]
    beard = "none" if soft else _pick(rng, ("none", *BEARDS))
    return Person(
        skin=skin,
        **features,
        hair_style=_pick(rng, LONG_STYLES if soft else SHORT_STYLES),
        hair_colour=dyed if rng.random() < 0.08 else natural,
        brow_colour=_brow_colour(natural, skin),
        accent=_pick(rng, CLOTHES),
        beard=beard,
        beard_colour=mix(natural, (30, 24, 24), 0.15),
        glasses=_pick(rng, ("none",) * 5 + ("round", "square")),
        age=age,
        freckles=float(rng.uniform(0.4, 1.0)) if sum(skin) > 520 and rng.random() < 0.3 else 0.0,
        blush=rng.uniform(0.2, 1.0),
        earrings=bool(soft and rng.random() < 0.5),
        clothing=_pick(rng, CLOTHES),
        collar=_pick(rng, COLLARS),
    )


def unlikeness(first: Person, second: Person) -> float:
    """How different two people look at a glance: hair and skin first, then what they wear, then bones."""
    gap = np.abs(np.subtract(first.skin, second.skin)).sum() / 150
    gap += np.abs(np.subtract(first.hair_colour, second.hair_colour)).sum() / 200
    gap += 1.2 * (first.hair_style != second.hair_style) + 0.7 * (first.beard != second.beard)
    gap += 0.3 * (first.glasses != second.glasses) + abs(first.age - second.age)
    gap += 4 * abs(first.face_width / first.face_length - second.face_width / second.face_length)
    gap += 3 * abs(first.jaw - second.jaw) + abs(first.brow_thickness - second.brow_thickness)
    return float(gap + np.abs(np.subtract(first.clothing, second.clothing)).sum() / 500)


def draw_people(rng: np.random.Generator, count: int, *, candidates: int = 12) -> list[Person]:
    """`count` people who look different: each is the candidate least like anybody already there."""
    people: list[Person] = []
    for _ in range(count):
        drawn = [draw_person(rng) for _ in range(candidates)]
        people.append(
            max(drawn, key=lambda one: min((unlikeness(one, other) for other in people), default=0))
        )
    return people
