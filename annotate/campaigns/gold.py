"""Gold comparisons: drawn from strong imported triplets, or marked by an admin who knows the answer."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from django.db import transaction
from django.db.models import F, Func, Value

from annotate.accounts.models import User
from annotate.campaigns.models import Campaign, Gold
from annotate.faces.models import Face, Strength

COLUMNS = ("anchor", "nearer", "farther")


class BadGold(Exception):
    """Nothing was marked; the message names the file, the row and the reason."""


def draw_gold_from_triplets(campaign: Campaign, count: int) -> int:
    """Take up to `count` strong imported triplets as gold, the most agreed upon first; returns how many
    are new. The same seed draws the same ones."""
    shuffled = Func(Value(f"{campaign.seed}:"), F("id"), function="md5", template="md5(%(expressions)s)",
                    arg_joiner=" || ")  # fmt: skip
    strong = (
        campaign.dataset.imported_triplets.ready()
        .filter(strength=Strength.STRONG)
        .order_by(F("votes_against") * 1.0 / (F("votes_for") + F("votes_against")), shuffled)
    )
    gold = []
    for triplet in strong[:count]:
        faces = [triplet.face_1_id, triplet.face_2_id, triplet.face_3_id]
        odd = faces.pop(triplet.odd - 1)
        gold.append(
            Gold(campaign=campaign, anchor_id=faces[0], nearer_id=faces[1], farther_id=odd,
                 imported_triplet=triplet)
        )  # fmt: skip
    before = campaign.gold.count()
    Gold.objects.bulk_create(gold, ignore_conflicts=True)
    return campaign.gold.count() - before


@transaction.atomic
def mark_gold(campaign: Campaign, rows: Iterable[tuple[str, str, str]], *, admin: User | None) -> int:
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
            defaults={"marked_by": admin},
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
