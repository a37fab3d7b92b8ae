"""Replay a campaign from its votes and seeds; exit with 1 where what is stored differs."""

from django.core.management.base import BaseCommand, CommandError

from annotate.campaigns.models import Campaign, Vote
from annotate.campaigns.verification import differences

MOST_SHOWN = 50


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser):
        parser.add_argument("name")

    def handle(self, *args, **options):
        try:
            campaign = Campaign.objects.get(name=options["name"])
        except Campaign.DoesNotExist:
            raise CommandError(f"There is no campaign called {options['name']}.") from None
        count = 0
        for count, difference in enumerate(differences(campaign), 1):
            if count <= MOST_SHOWN:
                self.stderr.write(difference)
        votes = Vote.objects.filter(campaign=campaign).count()
        if count:
            raise CommandError(f"{count} differences between {campaign} and the replay of its {votes} votes.")
        self.stdout.write(f"{campaign}: the replay of its {votes} votes gives what is stored.")
