"""manage.py simulate_campaign: simulated annotators answer what is open."""

import argparse
import sys

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from annotate.campaigns.models import Campaign, Comparison
from annotate.campaigns.simulation import simulate, simulated_annotators
from annotate.tournament.simulator import Manner


def share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


class Command(BaseCommand):
    help = (
        "Answers every open comparison. The nearer in Euclidean distance of the faces' known expressions "
        "(e0, e1, ... of their labels) wins; without those, either at random."
    )

    def add_arguments(self, parser):
        parser.add_argument("name", help="the campaign's name")
        parser.add_argument("--annotators", type=int, default=6, help="how many (default 6)")
        parser.add_argument("--noise", type=share, default=0.0, help="chance of naming the farther face")
        parser.add_argument(
            "--perception", type=float, default=0.0,
            help="logistic scale of the noise with which distances are seen, in their units (default 0)",
        )  # fmt: skip
        parser.add_argument("--bias", type=float, default=0.0, help="log-odds added to the left face")
        parser.add_argument("--carelessness", type=share, default=0.0, help="chance of not looking")
        parser.add_argument("--uncertain", type=share, default=0.0, help="chance of an uncertain answer")
        parser.add_argument("--seed", type=int, default=0)

    def handle(self, *, name, annotators, seed, **options):
        campaign = Campaign.objects.with_progress().filter(name=name).first()
        if campaign is None:
            raise CommandError(f"There is no campaign {name}.")
        if annotators < 1:
            raise CommandError("At least one annotator is needed.")
        if not campaign.is_active:
            raise CommandError(f"Campaign {name} is paused; nobody is asked anything. Resume it first.")
        with tqdm(total=campaign.total - campaign.decided, unit="vote", file=sys.stderr) as bar:
            votes = simulate(
                campaign,
                simulated_annotators(campaign, annotators),
                Manner(
                    noise=options["perception"],
                    bias=options["bias"],
                    flip=options["noise"],
                    carelessness=options["carelessness"],
                    uncertain=options["uncertain"],
                ),
                seed=seed,
                progress=bar.update,
            )
        waiting = Comparison.objects.filter(campaign=campaign).open().count()
        self.stderr.write(f"{votes} votes.")
        if waiting:
            self.stderr.write(
                f"{waiting} comparisons wait: all {annotators} annotators have answered their pair. "
                "Simulate with more annotators, or let an admin settle them as ties."
            )
