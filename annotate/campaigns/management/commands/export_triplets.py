"""manage.py export_triplets: a campaign's triplets, as CSV."""

import tempfile
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from annotate.campaigns.export import SOURCES, copy_confident_triplets, copy_triplets
from annotate.campaigns.models import Campaign


class Command(BaseCommand):
    help = (
        "Writes the triplets of a campaign and of its data set as CSV; the columns are in docs/snapshot.md."
    )

    def add_arguments(self, parser):
        parser.add_argument("name", help="the campaign's name")
        parser.add_argument("--output", required=True, type=Path, help="the file to write")
        parser.add_argument(
            "--sources", default="direct,inferred", help=f"of {','.join(SOURCES)} (default direct,inferred)"
        )
        parser.add_argument(
            "--min-confidence", type=float,
            help="instead: what all repetitions together say with at least this confidence, each pair once",
        )  # fmt: skip

    def handle(self, *, name, output, sources, min_confidence, **options):
        campaign = Campaign.objects.filter(name=name).select_related("dataset").first()
        if campaign is None:
            raise CommandError(f"There is no campaign {name}.")
        try:
            rows = self.write(output, campaign, sources.split(","), min_confidence)
        except ValueError as error:
            raise CommandError(str(error))
        except OSError as error:
            raise CommandError(f"{output} can not be written: {error.strerror}")
        self.stderr.write(f"{rows} triplets in {output}")

    def write(self, output, campaign, sources, min_confidence):
        """Only a whole file gets the name that was asked for."""
        with tempfile.NamedTemporaryFile(dir=output.parent, prefix=f".{output.name}.", delete=False) as out:
            try:
                if min_confidence is not None:
                    rows = copy_confident_triplets(out, campaign=campaign, min_confidence=min_confidence)
                else:
                    rows = copy_triplets(
                        out, dataset=campaign.dataset, campaign=campaign, sources=sources,
                        with_confidence=True,
                    )  # fmt: skip
            except BaseException:
                Path(out.name).unlink()
                raise
        Path(out.name).chmod(0o644)
        Path(out.name).replace(output)
        return rows
