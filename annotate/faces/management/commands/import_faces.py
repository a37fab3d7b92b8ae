"""manage.py import_faces: a folder of pictures, each of one face, with or without labels."""

from pathlib import Path

from annotate.faces.folder_import import import_folder
from annotate.faces.management.importing import ImportCommand


class Command(ImportCommand):
    help = (
        "Imports the pictures under a folder (JPEG, PNG, WebP, BMP, TIFF; hidden files are passed over): "
        "finds the one face of each, levels its eyes and keeps a crop of 224 px. Pictures that are there "
        "already, by their path in the folder, are left as they are. What can not go in is listed in a "
        "rejects file with its reason."
    )
    labels_help = (
        "a CSV file with a header: image (path in the folder), identity, expression, and optionally split "
        "and e0, e1, ... (the true expression, for simulations); default: labels.csv in the folder"
    )
    split_help = "for pictures of which the labels name none (default train)"

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, metavar="DIR", help="the folder of pictures")
        super().add_arguments(parser)
        parser.add_argument(
            "--prealigned", action="store_true", help="the pictures are aligned crops already: only resize"
        )

    def handle(self, *, folder, prealigned, dataset, labels, split, rejects, workers, **options):
        self.run_import(
            import_folder, folder, dataset=dataset, labels=labels, split=split, rejects=rejects,
            workers=workers, prealigned=prealigned,
        )  # fmt: skip
