"""What both import commands do around their service: options, progress bars, rejects file, summary."""

import os
from contextlib import ExitStack
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from annotate.faces.models import Split
from annotate.faces.problems import ImportFailed

UNITS = {"rows": {"unit": "B", "unit_scale": True}, "faces": {"unit": " faces"}}


class Bars:
    """A progress bar for each thing that is done, on standard error."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack, self.bars = stack, {}

    def __call__(self, doing: str, done: int, total: int) -> None:
        if doing not in self.bars:
            bar = tqdm(total=total, desc=doing, dynamic_ncols=True, mininterval=0.5, **UNITS[doing])
            self.bars[doing] = self.stack.enter_context(bar)
        bar = self.bars[doing]
        bar.update(done - bar.n)
        if done >= total:
            bar.close()


class ImportCommand(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument("--dataset", required=True, metavar="NAME", help="the data set to add to")
        parser.add_argument("--labels", type=Path, metavar="CSV", help=self.labels_help)
        parser.add_argument("--split", choices=Split.values, default=Split.TRAIN, help=self.split_help)
        parser.add_argument("--rejects", type=Path, metavar="FILE", help="default: a file in var/rejects/")
        parser.add_argument(
            "--workers", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)"
        )

    def run_import(self, service, source, *, dataset, labels, split, rejects, workers, **options):
        """Call the service and tell what came of it. Fails where nothing at all could go in."""
        if labels is not None and not labels.is_file():
            raise CommandError(f"There is no file {labels}. Name the labels.csv with --labels.")
        if workers < 1:
            raise CommandError("--workers must be at least 1.")
        wanted, rejects = rejects, rejects or self.default_rejects(dataset)
        with ExitStack() as stack:
            try:
                outcome = service(
                    source, dataset=dataset, labels=labels, split=split, workers=workers,
                    rejects=rejects, progress=Bars(stack), **options,
                )  # fmt: skip
            except ImportFailed as error:
                raise CommandError(str(error))
            except KeyboardInterrupt:
                raise CommandError("Broken off. The same command goes on from what is there.", returncode=130)
        if outcome.is_empty:
            raise CommandError(
                f"Nothing of {source} could be imported: all {outcome.rejected:,} rows or pictures were "
                f"rejected. {rejects} says why."
            )
        self.stderr.write(self.summary(outcome, split))
        if outcome.rejected:
            self.stderr.write(f"{outcome.rejected:,} rows or pictures were rejected; {rejects} says why.")
        elif not wanted:
            rejects.unlink()

    def default_rejects(self, dataset):
        command = type(self).__module__.rsplit(".", 1)[-1]
        now = timezone.localtime().strftime("%Y%m%d-%H%M%S")
        # The name is checked by the service; here it must only not lead out of the folder.
        return settings.STATE_DIR / "rejects" / f"{command}-{dataset.replace('/', '_')}-{now}.csv"

    def summary(self, outcome, split):
        parts = [f"{outcome.faces_added:,} faces added, {outcome.faces_there:,} were there already"]
        if outcome.labelled:
            parts.append(f"{outcome.labelled:,} of them got labels that they lacked")
        if outcome.triplets_added or outcome.triplets_there:
            parts.append(
                f"{outcome.triplets_added:,} {split} triplets added, "
                f"{outcome.triplets_there:,} were there already"
            )
        return f"Data set {outcome.dataset}: {'; '.join(parts)}."
