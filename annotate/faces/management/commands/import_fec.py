"""manage.py import_fec: triplets in the layout of Google's FEC files, with their faces."""

from pathlib import Path

from annotate.faces.fec_import import import_triplets
from annotate.faces.fec_layout import LEAST_RATERS
from annotate.faces.management.importing import ImportCommand


class Command(ImportCommand):
    help = (
        "Imports triplets in the layout of Google's facial expression comparison (FEC) files, and the faces "
        "that they use, each cropped by its box. A URL stands for the file in --images that has the name of "
        "the URL's last path component, percent-decoded: http://host/a/b%20c.jpg is 'b c.jpg'. Rows and "
        "faces that are there already are left as they are. What can not go in is listed in a rejects file "
        "with its row and reason."
    )
    labels_help = "a CSV file with a header: image (the file's name), identity, expression, e0, e1, ..."
    split_help = "the split of all of the file's faces and triplets (default train)"

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, metavar="CSV", help="the FEC file")
        super().add_arguments(parser)
        parser.add_argument(
            "--images", type=Path, required=True, metavar="DIR", help="the folder of the pictures"
        )
        parser.add_argument(
            "--least-raters", type=int, default=LEAST_RATERS,
            help=f"refuse rows with fewer (default {LEAST_RATERS}, as FEC has; 1 for tournament triplets in "
            "this layout)",
        )  # fmt: skip

    def handle(self, *, file, images, dataset, labels, split, rejects, workers, least_raters, **options):
        self.run_import(
            import_triplets, file, dataset=dataset, labels=labels, split=split, rejects=rejects,
            workers=workers, images=images, least_raters=least_raters,
        )  # fmt: skip
