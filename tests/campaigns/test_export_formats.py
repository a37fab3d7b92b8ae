"""The FEC layout and Parquet: what the CSV says, in their own way; counts that equal what is written."""

import csv
import io
import itertools

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from PIL import Image

from annotate.campaigns.creation import create_campaign
from annotate.campaigns.export_choice import FORMATS, SOURCES, Choice, count_triplets
from annotate.campaigns.export_file import write_triplets
from annotate.campaigns.models import Relation
from annotate.campaigns.retraction import discard_votes
from annotate.campaigns.simulation import simulate
from annotate.faces.fec_import import import_triplets
from annotate.faces.models import Face, ImportedTriplet
from annotate.tournament.simulator import Manner

PEOPLE = ['43"\\,é', "1", "2", "3", "4", "NULL", "6", "7"]


@pytest.fixture
def finished(campaign, annotators):
    simulate(campaign, annotators, Manner(flip=0.15, uncertain=0.1), seed=2)
    for name in ("000", "031"):
        Face.objects.filter(key=f"line:{name}.jpg").update(
            url=f'http://faces.invalid/a,b/"{name}".jpg?x=%20', box=[0.1, 0.123456789, 0, 1]
        )
    weak = ImportedTriplet.objects.order_by("pk").first()
    weak.raters, weak.answers = PEOPLE, [1, 1, 1, 1, 2, 0, 3, 3]
    weak.strength, weak.votes_against = "weak", 3
    weak.save()
    last = ImportedTriplet.objects.order_by("pk").last()
    last.odd, last.strength, last.answers = None, "none", [1, 1, 2, 2, 3, 3]
    last.save()
    return campaign


def write(campaign, layout, **choice):
    out = io.BytesIO()
    rows = write_triplets(out, campaign=campaign, choice=Choice(**choice), layout=layout)
    return rows, out.getvalue()


def lines(campaign, **choice):
    rows, content = write(campaign, "fec", **choice)
    parsed = list(csv.reader(io.StringIO(content.decode())))
    assert len(parsed) == rows == content.count(b"\n")
    return parsed


def table(campaign, **choice):
    return list(csv.DictReader(io.StringIO(write(campaign, "csv", **choice)[1].decode())))


CHOICES = [
    {"sources": sources, **more}
    for sources in (SOURCES, ("direct",), ("inferred",), ("imported", "direct"))
    for more in ({}, {"min_confidence": 0.8}, {"strengths": ("weak",), "splits": ("train",)})
] + [{"splits": ("val",)}]


def test_what_is_counted_is_what_is_written(finished):
    for layout, choice in itertools.product(FORMATS, CHOICES):
        counted = count_triplets(finished, Choice(**choice), layout)
        rows, _ = write(finished, layout, **choice)
        assert (counted.total, layout, choice) == (rows, layout, choice)
    assert count_triplets(finished, Choice(("imported",), ("weak",)), "fec").imported == 1


def test_counting_is_one_statement(finished, django_assert_num_queries):
    for layout in FORMATS:
        with django_assert_num_queries(2):  # the other one is of a few faces, for the size
            count_triplets(finished, Choice(), layout)


def test_a_confidence_is_ranked_once_until_the_answers_change(
    finished, annotators, admin, django_assert_max_num_queries
):
    choice = Choice(min_confidence=0.7)
    before = count_triplets(finished, choice, "csv")
    with django_assert_max_num_queries(3):
        assert count_triplets(finished, choice, "fec").total == before.total
    discard_votes(finished, annotators[0], admin=admin, at=timezone.now())
    assert count_triplets(finished, choice, "csv").total < before.total


def test_the_size_is_near(dataset, annotators, finished):
    for choice in ({}, {"sources": ("imported",)}, {"sources": ("direct", "inferred")}):
        for layout in ("csv", "fec"):
            counted = count_triplets(finished, Choice(**choice), layout)
            assert counted.size == pytest.approx(len(write(finished, layout, **choice)[1]), rel=0.4)


def test_fec_lines_of_a_tournament_say_who_answered(finished):
    faces = {face.key: face for face in Face.objects.all()}
    expected = {}
    for relation in Relation.objects.select_related(
        "bracket__group__anchor", "winner__positive", "loser__positive", "loser__negative"
    ):
        for face, source in (
            (relation.loser.positive, "direct" if relation.chain == 1 else "inferred"),
            (relation.loser.negative, "inferred"),
        ):
            trio = (relation.bracket.group.anchor.key, relation.winner.positive.key, face.key)
            said = expected.setdefault((trio, source), {})
            for annotator in relation.uncertain:
                said.setdefault(f"user:{annotator}", "0")
            said.update({f"user:{annotator}": "3" for annotator in relation.deciders})
    # Some are said by several brackets.
    assert len(expected) < 2 * Relation.objects.count()
    for source in ("direct", "inferred"):
        got = {}
        for line in lines(finished, sources=(source,)):
            trio = tuple(key_of(faces, line[at : at + 5]) for at in (0, 5, 10))
            assert trio not in got
            got[trio] = dict(zip(line[16::2], line[17::2], strict=True))
            labels = {faces[key].expression for key in trio}
            assert line[15] == ("ONE", "TWO", "THREE")[len(labels) - 1] + "_CLASS_TRIPLET"
        assert got == {trio: said for (trio, of), said in expected.items() if of == source}


def key_of(faces, cells):
    """The key of the face that five cells of the layout name, and that they name it rightly."""
    [key] = [key for key, face in faces.items() if cells[0] in (face.image, face.url) and
             [float(cell) for cell in cells[1:]] == (face.box or [0, 1, 0, 1])][:1]  # fmt: skip
    return key


def test_a_confident_fec_line_has_those_who_were_asked(finished):
    sure = {
        (row["anchor_image"], row["positive_image"], row["negative_image"]): row
        for row in table(finished, sources=("direct",), min_confidence=0.6)
    }
    images = dict(Face.objects.exclude(url="").values_list("url", "image"))
    got = lines(finished, sources=("direct",), min_confidence=0.6)
    assert len(got) == len(sure) > 0
    for line in got:
        row = sure[tuple(images.get(line[at], line[at]) for at in (0, 5, 10))]
        answers = line[17::2]
        assert (answers.count("3"), answers.count("2")) == (int(row["votes_for"]), int(row["votes_against"]))
    assert any("2" in line[17::2] for line in got)


@pytest.fixture
def from_fec(db, tmp_path, annotators):
    """A campaign on a data set that came in as an FEC file, and the folder of its pictures."""
    images = tmp_path / "images"
    images.mkdir()
    for n in range(40):
        Image.new("RGB", (64, 64), (6 * n, 90, 255 - 6 * n)).save(images / f"{n:02} a%#.png")
    file = tmp_path / "fec.csv"
    with file.open("w", newline="") as out:
        for anchor, i in itertools.product(range(2), range(16)):
            cells = [
                [f"http://faces.invalid/x/{n:02}%20a%25%23.png", 0.1, 0.9, 0.125, 1]
                for n in (anchor, 2 + i, 18 + i)
            ]
            answers = [3, 3, 3, 3, 3, 1 + i % 2, 0] if i % 4 else [3, 3, 3, 3, 1, 1, 2]
            said = itertools.chain(*zip(PEOPLE, answers, strict=False))
            csv.writer(out).writerow([*itertools.chain(*cells), "TWO_CLASS_TRIPLET", *said])
    import_triplets(file, dataset="set", images=images, split="train", rejects=tmp_path / "rejects.csv")
    dataset = ImportedTriplet.objects.first().dataset
    campaign = create_campaign(name="f", dataset=dataset, groups=2, k=8, repetitions=2).campaign
    assert simulate(campaign, annotators, Manner(flip=0.2, uncertain=0.2), seed=3)
    return campaign, images


def import_again(campaign, images, tmp_path, **choice):
    """Export in the FEC layout, import as another data set, and what that then has, in the layout's words."""
    file, rejects = tmp_path / "again.csv", tmp_path / "again-rejects.csv"
    call_command("export_triplets", campaign.name, output=file, layout="fec", **choice)
    outcome = import_triplets(
        file, dataset="again", images=images, split="train", least_raters=1, rejects=rejects
    )
    assert outcome.rejected == 0, rejects.read_text()
    return outcome.triplets_added, [*told("again")]


def told(dataset):
    for triplet in ImportedTriplet.objects.filter(dataset__name=dataset).order_by("id"):
        faces = tuple(
            (face.key.partition(":")[2], face.image, face.url, tuple(face.box))
            for face in (triplet.face_1, triplet.face_2, triplet.face_3)
        )
        yield (
            faces, triplet.kind, triplet.raters, triplet.answers, triplet.odd, triplet.strength,
            triplet.votes_for, triplet.votes_against,
        )  # fmt: skip


def test_imported_triplets_come_back_as_they_went(from_fec, tmp_path):
    campaign, images = from_fec
    added, again = import_again(campaign, images, tmp_path, sources="imported")
    assert added == len(again) == 32
    assert again == [*told("set")]
    assert again[0][2:] == (PEOPLE[:7], [3, 3, 3, 3, 1, 1, 2], 3, "weak", 4, 3)


def test_tournament_triplets_come_back_with_each_answer(from_fec, tmp_path):
    campaign, images = from_fec
    wanted = {}
    for line in lines(campaign, sources=("direct", "inferred")):
        said = dict(zip(line[16::2], map(int, line[17::2]), strict=True))
        wanted[line[0], line[5], line[10]] = said
    added, again = import_again(campaign, images, tmp_path)
    assert added == len(wanted) > 50
    assert {tuple(face[2] for face in faces): dict(zip(raters, answers, strict=True))
            for faces, _, raters, answers, *_ in again} == wanted  # fmt: skip
    # Nobody sets apart another than the negative, and where more than the uncertain spoke it is the odd one.
    assert all(set(answers) <= {0, 3} for _, _, _, answers, *_ in again)
    assert {odd for *_, odd, _, _, _ in again} <= {3, None}
    assert any(0 in answers for _, _, _, answers, *_ in again)


def test_a_face_without_url_is_named_by_its_image_so_that_it_is_found_again(dataset, annotators, tmp_path):
    names = ["a b%20c.jpg", "what?.jpg", "no#1.jpg", "x:y.jpg", '"q",.jpg', "é.jpg"]
    images = tmp_path / "images"
    images.mkdir()
    for name, face in zip(names, dataset.faces.order_by("pk"), strict=False):
        Face.objects.filter(pk=face.pk).update(image=name, expression="")
        Image.new("RGB", (64, 64)).save(images / name)
    campaign = create_campaign(name="l", dataset=dataset, groups=1, k=4, repetitions=1).campaign
    campaign.groups.all().delete()
    ImportedTriplet.objects.all().delete()
    faces = dataset.faces.order_by("pk")[:6]
    for trio in (faces[:3], faces[3:6]):
        ImportedTriplet.objects.create(
            dataset=dataset, face_1=trio[0], face_2=trio[1], face_3=trio[2], kind="", split="train",
            raters=["a"], answers=[2], odd=2, strength="strong", votes_for=1, votes_against=0,
        )  # fmt: skip
    added, again = import_again(campaign, images, tmp_path, sources="imported")
    assert added == 2
    assert [face[1] for faces, *_ in again for face in faces] == names
    assert all(kind == "TWO_CLASS_TRIPLET" and raters == ["a"] for _, kind, raters, *_ in again)


def test_parquet_is_the_csv_with_types(finished):
    for choice in ({}, {"sources": ("imported",)}, {"min_confidence": 0.8, "sources": ("direct",)}):
        rows = table(finished, **choice)
        read = pq.read_table(io.BytesIO(write(finished, "parquet", **choice)[1]))
        assert read.column_names == [*rows[0]]
        schema = read.schema
        assert schema.field("annotators").type == pa.list_(pa.string())
        assert schema.field("group").type == pa.int32()
        assert schema.field("weight").type == pa.float64()
        assert schema.field("confidence").type == pa.float32()
        for typed, row in zip(read.to_pylist(), rows, strict=True):
            for name, cell in row.items():
                value = typed[name]
                if value is None:
                    assert cell == ""
                elif name == "annotators":
                    assert value == cell.split(";")
                elif isinstance(value, float):
                    assert value == pytest.approx(float(cell), abs=1e-6)
                else:
                    assert str(value) == cell
    assert any("line:NULL" in people for people in pq.read_table(
        io.BytesIO(write(finished, "parquet")[1]))["annotators"].to_pylist())  # fmt: skip


def test_nothing_chosen_is_a_whole_file_of_nothing(finished):
    for layout in FORMATS:
        rows, content = write(finished, layout, splits=("val",))
        assert rows == 0
        if layout == "parquet":
            assert pq.read_table(io.BytesIO(content)).num_rows == 0


def test_the_command_knows_the_formats(finished, tmp_path):
    out = tmp_path / "t.parquet"
    call_command(
        "export_triplets", "c", output=out, layout="parquet", sources="direct,imported", split="train"
    )
    assert pq.read_table(out).num_rows == write(finished, "csv", sources=("direct", "imported"))[0]
    for options, message in (
        ({"layout": "xml"}, "invalid choice|Unknown format xml"),
        ({"strengths": "none"}, "Unknown strength none"),
    ):
        with pytest.raises(CommandError, match=message):
            call_command("export_triplets", "c", output=out, **options)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["t.parquet"]
