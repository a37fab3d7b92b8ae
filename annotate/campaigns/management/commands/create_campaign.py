"""manage.py create_campaign: groups and brackets over a data set's faces."""

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from annotate.campaigns.creation import CannotDrawGroups, create_campaign
from annotate.campaigns.models import Assignment
from annotate.faces.models import Dataset


class Command(BaseCommand):
    help = (
        "Draws groups (an anchor and k candidates) from a data set's strong imported triplets or, without "
        "those, from its faces' expression labels, and lays out each group's brackets."
    )

    def add_arguments(self, parser):
        parser.add_argument("name")
        parser.add_argument("--dataset", required=True, help="the data set's name")
        parser.add_argument("--groups", type=int, required=True, help="how many groups at most")
        parser.add_argument("--k", type=int, default=16, help="candidates in a group, a power of two")
        parser.add_argument("--repetitions", type=int, default=3, help="brackets of each group")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument(
            "--assignment", choices=Assignment.values, default=Assignment.SPREAD,
            help="spread a bracket over several annotators (default), or give one the whole of it",
        )  # fmt: skip
        parser.add_argument(
            "--extra-comparisons", type=int, default=0,
            help="at most so many a group after its brackets, where they inform most (default 0)",
        )  # fmt: skip
        parser.add_argument(
            "--extra-confidence", type=float, default=0.9,
            help="how sure a group's triplets must be for it to get no more (default 0.9)",
        )  # fmt: skip

    def handle(self, *, name, dataset, groups, k, repetitions, seed, **options):
        settings = {name: options[name] for name in ("assignment", "extra_comparisons", "extra_confidence")}
        try:
            found = Dataset.objects.get(name=dataset)
            creation = create_campaign(
                name=name, dataset=found, groups=groups, k=k, repetitions=repetitions, seed=seed,
                **settings,
            )  # fmt: skip
        except Dataset.DoesNotExist:
            raise CommandError(f"There is no data set {dataset}. Import it first (import_faces, import_fec).")
        except ValidationError as error:
            raise CommandError(" ".join(error.messages))
        except (CannotDrawGroups, ValueError) as error:
            raise CommandError(str(error))
        self.stderr.write(
            f"Campaign {name}: {creation.groups} groups of {k}, {repetitions} repetitions each, "
            f"{creation.groups * repetitions * (k - 1)} comparisons. "
            f"{creation.skipped} anchors were skipped: they can not fill a group."
        )
        if creation.groups < groups:
            self.stderr.write(f"{groups} groups were asked for; the data set has no more.")
