"""manage.py load_demo: something to try Semblance on."""

import sys

from django.core.management.base import BaseCommand
from django.db import transaction
from tqdm import tqdm

from annotate.demo.loading import load_demo, logins
from annotate.training.tasks import train_run


class Bars:
    """A progress bar for each thing that is being done."""

    def __init__(self, file):
        self.file = file
        self.bar = self.doing = None

    def __call__(self, doing, done, total):
        if doing != self.doing:
            self.close()
            self.doing = doing
            self.bar = tqdm(desc=doing, total=total, file=self.file, disable=None, leave=False)
            self.file.write(f"{doing} ...\n")
        self.bar.total = total
        self.bar.update(done - self.bar.n)

    def close(self):
        if self.bar is not None:
            self.bar.close()


class Command(BaseCommand):
    help = (
        "Draws faces, imports them with triplets of simulated raters, lets simulated annotators do two of "
        "three repetitions of a campaign, and starts a first training run. What is there already stays."
    )

    def add_arguments(self, parser):
        parser.add_argument("--logins", action="store_true", help="only print the demo's logins")

    def handle(self, *, logins, **options):
        if logins:
            self.print_logins()
            return
        bars = Bars(sys.stderr)
        try:
            run = load_demo(bars)
        finally:
            bars.close()
        if run is not None:
            transaction.on_commit(lambda: train_run.delay(run_id=run.pk))

    def print_logins(self):
        self.stdout.write("Log in as")
        for name, password in logins().items():
            self.stdout.write(f"  {name:<10} password {password or '(the one that you gave it)'}")
