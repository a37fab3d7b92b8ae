"""manage.py annotator_weights: W_k of a campaign's annotators, as CSV."""

import csv

from django.core.management.base import BaseCommand, CommandError

from annotate.campaigns.models import Campaign
from annotate.campaigns.weights import annotator_tallies
from annotate.tournament.agreement import weights


class Command(BaseCommand):
    help = (
        "Prints annotator, votes, n, n_agree, weight. n counts the votes that other brackets of the group "
        "say something about, n_agree those that they agree with; weight is n_agree / n, or the campaign's "
        "mean where n is below 20."
    )

    def add_arguments(self, parser):
        parser.add_argument("name", help="the campaign's name")

    def handle(self, *, name, **options):
        campaign = Campaign.objects.filter(name=name).first()
        if campaign is None:
            raise CommandError(f"There is no campaign {name}.")
        tallies = annotator_tallies(campaign)
        weight_of = weights(tallies)
        writer = csv.writer(self.stdout, lineterminator="\n")
        writer.writerow(["annotator", "votes", "n", "n_agree", "weight"])
        for annotator, tally in sorted(tallies.items()):
            weight = round(weight_of[annotator], 6)
            writer.writerow([f"user:{annotator}", tally.votes, tally.n, tally.n_agree, weight])
