"""manage.py add_gold: comparisons with known answers, mixed into a campaign."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from annotate.accounts.models import Role, User
from annotate.campaigns.gold import BadGold, draw_gold_from_triplets, mark_gold, read_gold
from annotate.campaigns.models import Campaign, Purpose


class Command(BaseCommand):
    help = (
        "Adds gold comparisons to a campaign: from its data set's strong imported triplets (--triplets), or "
        "from a CSV file with the columns anchor, nearer, farther (--file), each a face's key. --rate sets "
        "their share in what annotators are asked."
    )

    def add_arguments(self, parser):
        parser.add_argument("name")
        parser.add_argument("--triplets", type=int, default=0, help="how many imported triplets at most")
        parser.add_argument("--file", type=Path)
        parser.add_argument("--by", help="the admin who marks them, by login; needed with --file")
        parser.add_argument(
            "--purpose", choices=Purpose.values, default=Purpose.HIDDEN.value,
            help="what they are for; hidden ones are mixed into what annotators are asked",
        )  # fmt: skip
        parser.add_argument("--rate", type=float, help="0 to 0.5")

    def handle(self, *, name, triplets, file, by, purpose, rate, **options):
        campaign = Campaign.objects.filter(name=name).first()
        if campaign is None:
            raise CommandError(f"There is no campaign called {name}.")
        added, purpose = 0, Purpose(purpose)
        if file is not None:
            admin = User.objects.filter(username=by, role=Role.ADMIN).first()
            if admin is None:
                raise CommandError("Name an admin who answers for the marked comparisons: --by LOGIN.")
            try:
                added += mark_gold(campaign, read_gold(file), by=admin, purpose=purpose)
            except BadGold as error:
                raise CommandError(f"{error}. Nothing was added.") from None
        if triplets:
            added += draw_gold_from_triplets(campaign, triplets, purpose)
        if rate is not None:
            if not 0 <= rate <= 0.5:
                raise CommandError("--rate is a share from 0 to 0.5.")
            campaign.gold_rate = rate
            campaign.save(update_fields=["gold_rate"])
        self.stdout.write(
            f"{campaign}: {added} gold comparisons added, {campaign.gold.filter(purpose=purpose).count()} of "
            f"this purpose ({purpose.label}) in all. Hidden checks are "
            f"{campaign.gold_rate:.0%} of what annotators are asked."
        )
