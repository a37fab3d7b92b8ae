"""manage.py export_triplets: a campaign's triplets, as CSV, in the FEC layout or as Parquet."""

import tempfile
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from annotate.campaigns.export_choice import FORMATS, SOURCES, SPLITS, STRENGTHS, Choice
from annotate.campaigns.export_file import write_triplets
from annotate.campaigns.models import Campaign


class Command(BaseCommand):
    help = "Writes a campaign's triplets, and its data set's, to a file; the columns are in docs/snapshot.md."

    def add_arguments(self, parser):
        parser.add_argument("name", help="the campaign's name")
        parser.add_argument("--output", required=True, type=Path, help="the file to write")
        parser.add_argument(
            "--format", choices=FORMATS, default="csv", dest="layout",
            help="fec is the layout of Google's FEC files with everybody's answers (default csv)",
        )  # fmt: skip
        parser.add_argument(
            "--sources", default="direct,inferred", help=f"of {','.join(SOURCES)} (default direct,inferred)"
        )
        parser.add_argument(
            "--strengths", default=",".join(STRENGTHS), help="of imported triplets (default both)"
        )
        parser.add_argument("--split", choices=SPLITS, help="only triplets of this one (default both)")
        parser.add_argument(
            "--min-confidence", type=float,
            help="of direct and inferred ones: what all repetitions together say with at least this "
            "confidence, each pair once",
        )  # fmt: skip

    def handle(self, *, name, output, layout, sources, strengths, split, min_confidence, **options):
        campaign = Campaign.objects.filter(name=name).select_related("dataset").first()
        if campaign is None:
            raise CommandError(f"There is no campaign {name}.")
        try:
            choice = Choice(
                sources=tuple(sources.split(",")), strengths=tuple(strengths.split(",")),
                splits=(split,) if split else SPLITS, min_confidence=min_confidence,
            )  # fmt: skip
            rows = self.write(output, campaign, choice, layout)
        except ValueError as error:
            raise CommandError(str(error))
        except OSError as error:
            raise CommandError(f"{output} can not be written: {error.strerror}")
        self.stderr.write(f"{rows} triplets in {output}")

    def write(self, output, campaign, choice, layout):
        """Only a whole file gets the name that was asked for."""
        with tempfile.NamedTemporaryFile(dir=output.parent, prefix=f".{output.name}.", delete=False) as out:
            try:
                rows = write_triplets(out, campaign=campaign, choice=choice, layout=layout)
            except BaseException:
                Path(out.name).unlink()
                raise
        Path(out.name).chmod(0o644)
        Path(out.name).replace(output)
        return rows
