"""manage.py erase_person: a person's faces, with all that hangs on them, at once and for good."""

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from annotate.accounts.models import User
from annotate.curation.erasing import ErasureRefused, ErasureWaits, ask_for_erasure, erase
from annotate.curation.erasure_preview import Preview, faces_of
from annotate.curation.models import Erasure
from annotate.faces.models import Dataset


class Command(BaseCommand):
    help = (
        "Erases a person: her faces, crops, embeddings and imported triplets; the groups she is in, with "
        "their brackets and votes; her rows and crops in stored snapshots. It says what goes and asks first. "
        "Broken off, the same command goes on. It can not be undone."
    )

    def add_arguments(self, parser):
        parser.add_argument("--dataset", required=True, metavar="NAME")
        whom = parser.add_mutually_exclusive_group(required=True)
        whom.add_argument("--identity", default="", metavar="NAME", help="the person, as the labels have it")
        whom.add_argument("--face", action="append", default=[], metavar="KEY", help="a single face's key")
        whom.add_argument("--go-on", action="store_true", help="only finish the erasure that is under way")
        parser.add_argument("--reason", default="", help="kept; must not name the person")
        parser.add_argument("--admin", metavar="USERNAME", help="who asks for it (default: the first admin)")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *, dataset, identity, face, go_on, reason, admin, yes, **options):
        try:
            dataset = Dataset.objects.get(name=dataset)
        except Dataset.DoesNotExist:
            raise CommandError(f"There is no data set {dataset}.") from None
        erasure = Erasure.objects.under_way().filter(dataset=dataset).first()
        if erasure is None and go_on:
            raise CommandError(f"No erasure from data set {dataset} is under way.")
        if erasure is None:
            ids = dataset.faces.filter(key__in=face).values_list("pk", flat=True)
            preview = Preview(dataset, identity, list(faces_of(dataset, identity, ids)))
            self._confirm(preview, yes)
            erasure = self._ask(preview, reason, admin)
        elif not go_on:
            raise CommandError("An erasure from this data set is under way already: finish it with --go-on.")
        try:
            erase(erasure.pk)
        except ErasureWaits as error:
            raise CommandError(f"{error} What is erased stays erased; --go-on does the rest.") from error
        erasure.refresh_from_db()
        self.stdout.write(", ".join(f"{count} {name}" for name, count in sorted(erasure.counts.items())))

    def _confirm(self, preview, yes):
        if not preview.faces:
            raise CommandError("There is no such face, so there is nothing to erase.")
        self.stdout.write(
            f"{len(preview.faces)} faces, {preview.embeddings} embeddings, {preview.triplets} imported "
            f"triplets, {preview.groups} groups, {preview.gold} gold comparisons, {preview.votes} votes go; "
            f"{len(preview.snapshots)} snapshots are altered, {len(preview.model_versions)} model versions "
            f"flagged, {len(preview.runs)} runs cancelled. This can not be undone."
        )
        if not yes and input(f"Type {preview.to_type} to confirm: ").strip() != preview.to_type:
            raise CommandError("Not confirmed. Nothing was erased.")

    def _ask(self, preview, reason, admin):
        admins = User.objects.filter(role="admin", is_active=True).order_by("pk")
        asks = admins.filter(username=admin).first() if admin else admins.first()
        if asks is None:
            raise CommandError("Name with --admin an admin who asks for it.")
        try:
            return ask_for_erasure(
                dataset=preview.dataset, identity=preview.identity, face_ids=preview.ids, reason=reason,
                admin=asks, at=timezone.now(),
            )  # fmt: skip
        except ErasureRefused as error:
            raise CommandError(str(error)) from error
