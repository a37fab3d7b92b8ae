"""manage.py annotator_quality: how far each annotator of a campaign can be relied on, as CSV."""

import csv
import io
from argparse import RawDescriptionHelpFormatter
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from annotate.campaigns.models import Campaign
from annotate.campaigns.quality import Agreement, annotator_quality, campaign_agreement
from annotate.tournament.quality import Quality, Share

HELP = """Prints, of everybody who has voted in a campaign, one line of CSV. A cell is empty where there is
nothing to tell; *_low and *_high are Wilson's 95 % interval. Columns:

  annotator          user:ID, as in the export
  votes, retracted   answers that stand, and those taken back by her or by an admin
  n, n_agree         decided votes that the group's other brackets say something of, and those they agree with
  weight             W = n_agree / n, or the campaign's mean where n is below 20
  weight_is_mean     true where it is the mean
  agree_low, _high   the interval of n_agree / n
  gold, gold_right   left and right answers on gold comparisons, and the right ones
  gold_accuracy, gold_low, gold_high
  uncertain_rate     uncertain of votes
  median_ms          the median response time
  fast_ms            the response time that 5 % of her votes stay below
  too_fast_rate      the share of response times below 300 ms
  left_rate, left_low, left_high
                     left of her left and right answers; sides are drawn at random, so 0.5 is even
  repeats            left and right answers to what she had answered before, retracted votes and gold included
  consistency        those of them that name the same face as before
  alpha, alpha_pairs Krippendorff's alpha of the campaign, the same in every line, and the number of pairs
                     that it rests on, those with two answers or more"""

COLUMNS = [
    "annotator", "votes", "retracted", "n", "n_agree", "weight", "weight_is_mean", "agree_low", "agree_high",
    "gold", "gold_right", "gold_accuracy", "gold_low", "gold_high", "uncertain_rate", "median_ms", "fast_ms",
    "too_fast_rate", "left_rate", "left_low", "left_high", "repeats", "consistency", "alpha", "alpha_pairs",
]  # fmt: skip


class Command(BaseCommand):
    help = HELP

    def create_parser(self, *args, **options):
        return super().create_parser(*args, formatter_class=RawDescriptionHelpFormatter, **options)

    def add_arguments(self, parser):
        parser.add_argument("name", help="the campaign's name")
        parser.add_argument("--output", type=Path, help="the file to write (default: standard output)")

    def handle(self, *, name, output, **options):
        campaign = Campaign.objects.filter(name=name).first()
        if campaign is None:
            raise CommandError(f"There is no campaign {name}.")
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        agreement = campaign_agreement(campaign)
        writer.writerows(row(quality, agreement) for quality in annotator_quality(campaign))
        if output is None:
            self.stdout.write(text.getvalue(), ending="")
            return
        try:
            output.write_text(text.getvalue(), encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{output} can not be written: {error.strerror}")


def row(quality: Quality, agreement: Agreement) -> list[object]:
    """The cells of COLUMNS; None is an empty one."""
    agreed, gold, left = quality.agreement, quality.gold, quality.left
    cells = [
        f"user:{quality.annotator}", quality.votes, quality.retracted,
        agreed.n, agreed.count, quality.weight, str(quality.is_mean).lower(), *ends(agreed),
        gold.n, gold.count, gold.value, *ends(gold),
        quality.uncertain.value, quality.median_ms, quality.fast_ms, quality.too_fast.value,
        left.value, *ends(left),
        quality.repeats.n, quality.repeats.value, agreement.alpha, agreement.pairs,
    ]  # fmt: skip
    return [round(cell, 6) if isinstance(cell, float) else cell for cell in cells]


def ends(share: Share) -> tuple[float | None, float | None]:
    return share.interval or (None, None)
