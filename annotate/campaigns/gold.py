"""Gold comparisons: from strong imported triplets, or marked by somebody who knows the answer."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from django.db import transaction
from django.db.models import Exists, F, Func, OuterRef, QuerySet, Value

from annotate.accounts.models import User
from annotate.campaigns.models import Campaign, Gold, Purpose
from annotate.faces.models import Face, ImportedTriplet, Strength

COLUMNS = ("anchor", "nearer", "farther")


class StillNeeded(Exception):
    """It was not set aside; the message says why."""


class BadGold(Exception):
    """Nothing was marked; the message names the file, the row and the reason."""


def draw_gold_from_triplets(campaign: Campaign, count: int, purpose: Purpose = Purpose.HIDDEN) -> int:
    """Take the `count` strongest imported triplets that serve no other purpose as gold; returns how many
    are new. The same seed draws the same ones."""
    return _draw(campaign, campaign.gold.exclude(purpose=purpose), count, purpose)


def draw_more(campaign: Campaign, count: int, purpose: Purpose) -> int:
    """Take the `count` strongest imported triplets that serve no purpose yet; returns how many there were."""
    return _draw(campaign, campaign.gold.all(), count, purpose)


def _draw(campaign: Campaign, but: QuerySet[Gold], count: int, purpose: Purpose) -> int:
    shuffled = Func(Value(f"{campaign.seed}:"), F("id"), function="md5", template="md5(%(expressions)s)",
                    arg_joiner=" || ")  # fmt: skip
    strong = _strong(campaign, but).order_by(
        F("votes_against") * 1.0 / (F("votes_for") + F("votes_against")), shuffled
    )
    gold = [_gold_of(campaign, triplet, purpose) for triplet in strong[:count]]
    before = campaign.gold.count()
    Gold.objects.bulk_create(gold, ignore_conflicts=True)
    return campaign.gold.count() - before


def _strong(campaign: Campaign, but: QuerySet[Gold]) -> QuerySet[ImportedTriplet]:
    """Those on which the raters agree, but for those of this gold."""
    taken = Exists(but.filter(imported_triplet=OuterRef("pk")))
    return campaign.dataset.imported_triplets.ready().filter(~taken, strength=Strength.STRONG)


def _gold_of(campaign: Campaign, triplet: ImportedTriplet, purpose: Purpose, why: str = "") -> Gold:
    faces = [triplet.face_1_id, triplet.face_2_id, triplet.face_3_id]
    odd = faces.pop(triplet.odd - 1)
    return Gold(
        campaign=campaign, purpose=purpose, anchor_id=faces[0], nearer_id=faces[1], farther_id=odd, why=why,
        imported_triplet=triplet,
    )  # fmt: skip


def pickable(campaign: Campaign, *, after: int, count: int) -> list[Gold]:
    """Strong triplets that serve no purpose yet, from the one behind `after` on, as unsaved gold."""
    strong = _strong(campaign, campaign.gold.all()).filter(pk__gt=after).order_by("pk")
    return [_gold_of(campaign, triplet, Purpose.EXAMPLE) for triplet in strong[:count]]


def pick(campaign: Campaign, triplet_id: int, purpose: Purpose, why: str = "") -> bool:
    """Make gold of one strong triplet; returns whether it was still to be had.

    Raises ImportedTriplet.DoesNotExist.
    """
    triplet = campaign.dataset.imported_triplets.get(pk=triplet_id, strength=Strength.STRONG)
    gold = _gold_of(campaign, triplet, purpose, why)
    _, is_new = Gold.objects.get_or_create(
        campaign=campaign, anchor_id=gold.anchor_id, nearer_id=gold.nearer_id, farther_id=gold.farther_id,
        defaults={"purpose": purpose, "why": why, "imported_triplet": triplet},
    )  # fmt: skip
    return is_new


@transaction.atomic
def set_aside(gold: Gold) -> None:
    """Ask it no more in anybody's first minutes. Answers are kept, and it is not drawn again.

    Raises StillNeeded.
    """
    campaign = Campaign.objects.select_for_update().get(pk=gold.campaign_id)
    needed = {
        Purpose.PRACTICE: campaign.practice_count, Purpose.QUALIFICATION: campaign.qualification_count
    }.get(gold.purpose, 0)  # fmt: skip
    if campaign.gold.filter(purpose=gold.purpose).count() <= needed:
        raise StillNeeded(
            f"The {gold.get_purpose_display()} asks {needed} comparisons and there are no more. Take another "
            "one first, or ask fewer."
        )
    Gold.objects.filter(pk=gold.pk).update(purpose=Purpose.ASIDE)


@transaction.atomic
def mark_gold(
    campaign: Campaign,
    rows: Iterable[tuple[str, str, str]],
    *,
    by: User | None,
    purpose: Purpose = Purpose.HIDDEN,
    why: str = "",
) -> int:
    """Mark (anchor, nearer, farther), each a face's key, as gold; returns how many are new.

    Raises BadGold on an unknown face or one that is named twice; nothing is written then.
    """
    known = Face.objects.filter(dataset=campaign.dataset)
    before = campaign.gold.count()
    for number, keys in enumerate(rows, 1):
        faces = dict(known.filter(key__in=keys).values_list("key", "pk"))
        for column, key in zip(COLUMNS, keys, strict=True):
            if key not in faces:
                raise BadGold(f"row {number}: there is no face {key} ({column}) in {campaign.dataset}")
        if len(set(keys)) < 3:
            raise BadGold(f"row {number}: a gold comparison has three different faces")
        anchor, nearer, farther = (faces[key] for key in keys)
        Gold.objects.get_or_create(
            campaign=campaign, anchor_id=anchor, nearer_id=nearer, farther_id=farther,
            defaults={"marked_by": by, "purpose": purpose, "why": why},
        )  # fmt: skip
    return campaign.gold.count() - before


def read_gold(path: Path) -> list[tuple[str, str, str]]:
    """The rows of a CSV file with the columns anchor, nearer, farther. Raises BadGold."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
            if missing:
                raise BadGold(f"{path}: the first line has no column {missing[0]}")
            return [(row["anchor"] or "", row["nearer"] or "", row["farther"] or "") for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadGold(f"{path} can not be read as CSV in UTF-8: {error}") from error
