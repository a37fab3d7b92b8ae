"""manage.py freeze_snapshot: a frozen, hashed export into any folder, to train on or to hand on."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from annotate.campaigns.models import Campaign
from annotate.faces.models import Dataset
from annotate.training.snapshot_alteration import while_nobody_is_erased
from annotate.training.snapshot_folder import CannotFreeze, write_snapshot


class Command(BaseCommand):
    help = (
        "Writes the triplets, answers, faces and crops of a campaign and its data set as docs/snapshot.md "
        "says. The same data give the same bytes."
    )

    def add_arguments(self, parser):
        parser.add_argument("name", help="a campaign's name or, where no campaign has it, a data set's")
        parser.add_argument("--output", required=True, type=Path, help="the folder to make, new or empty")

    def handle(self, *, name, output, **options):
        campaign = Campaign.objects.filter(name=name).select_related("dataset").first()
        dataset = campaign.dataset if campaign else Dataset.objects.filter(name=name).first()
        if dataset is None:
            raise CommandError(f"There is neither a campaign nor a data set {name}.")
        try:
            bar = tqdm(total=dataset.faces.count(), unit="face", dynamic_ncols=True)
            with bar, while_nobody_is_erased():
                manifest = write_snapshot(
                    output, name=name, dataset=dataset, campaign=campaign, progress=bar.update
                )
        except CannotFreeze as error:
            raise CommandError(str(error))
        except OSError as error:
            raise CommandError(f"{output} can not be written: {error.strerror}. Nothing was left behind.")
        counts = manifest.counts
        self.stderr.write(
            f"{counts.triplets} triplets, {counts.answers} answers and {counts.faces} faces in {output}, "
            f"sha256 {manifest.sha256}"
        )
