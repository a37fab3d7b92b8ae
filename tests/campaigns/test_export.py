"""The CSV of a campaign's triplets against a naive derivation from the votes."""

import csv
import io
from collections import Counter

import pytest
from django.core.management import CommandError, call_command

from annotate.campaigns.confidence import noise_of
from annotate.campaigns.creation import create_campaign
from annotate.campaigns.export import copy_answers, copy_triplets
from annotate.campaigns.export_choice import SOURCES, Choice
from annotate.campaigns.models import Bracket, Candidate, Vote
from annotate.campaigns.simulation import simulate
from annotate.campaigns.weights import annotator_tallies, rater_tallies
from annotate.tournament.agreement import weights
from annotate.tournament.ranking import Judgement, posterior
from annotate.tournament.simulator import Manner


def export(campaign, *, sources=SOURCES, **options):
    out = io.BytesIO()
    choice = Choice(sources=tuple(sources))
    rows = copy_triplets(out, dataset=campaign.dataset, campaign=campaign, choice=choice, **options)
    parsed = list(csv.DictReader(io.StringIO(out.getvalue().decode())))
    assert len(parsed) == rows
    return parsed, out.getvalue()


def answers(campaign):
    out = io.BytesIO()
    copy_answers(out, dataset=campaign.dataset, campaign=campaign)
    return list(csv.DictReader(io.StringIO(out.getvalue().decode())))


@pytest.fixture
def finished(campaign, annotators):
    simulate(campaign, annotators, Manner(flip=0.1, uncertain=0.1), seed=1)
    return campaign


def naive_rows(campaign):
    """Walk down from each winner, bracket by bracket, straight from the votes."""
    weight = weights(annotator_tallies(campaign))
    rows = []
    for bracket in Bracket.objects.select_related("group__anchor").prefetch_related("comparisons__votes"):
        candidates = {c.slot: c for c in bracket.group.candidates.select_related("positive", "negative")}
        beaten, asked = {}, {}
        for comparison in bracket.comparisons.all():
            asked[comparison.pk] = {v.annotator_id for v in comparison.votes.all()}
            if comparison.winner is not None and not comparison.is_tie:
                loser = comparison.low + comparison.high - comparison.winner
                beaten.setdefault(comparison.winner, []).append((loser, comparison))

        def walk(top, slot, path, beaten=beaten, asked=asked, candidates=candidates, bracket=bracket):
            for loser, comparison in beaten.get(slot, []):
                if path and comparison.round >= path[-1].round:
                    continue
                chain = [*path, comparison]
                people = set().union(*(asked[c.pk] for c in chain))
                for face, source in (
                    (candidates[loser].positive, "direct" if len(chain) == 1 else "inferred"),
                    (candidates[loser].negative, "inferred"),
                ):
                    rows.append((
                        bracket.group.anchor.key, candidates[top].positive.key, face.key, source,
                        bracket.group.index, bracket.repetition, chain[0].round, len(chain),
                        frozenset(f"user:{p}" for p in people), round(min(weight[p] for p in people), 6),
                    ))  # fmt: skip
                walk(top, loser, chain)

        for top in candidates:
            walk(top, top, [])
    return Counter(rows)


def test_equals_the_naive_derivation(finished):
    parsed, _ = export(finished, sources=["direct", "inferred"])
    got = Counter(
        (
            r["anchor"], r["positive"], r["negative"], r["source"], int(r["group"]), int(r["repetition"]),
            int(r["round"]), int(r["chain"]), frozenset(r["annotators"].split(";")), float(r["weight"]),
        )
        for r in parsed
    )  # fmt: skip
    assert got == naive_rows(finished)
    assert all((r["votes_for"], r["votes_against"]) == ("1", "0") for r in parsed)
    assert all(r["strength"] == "" for r in parsed)


def test_a_clean_bracket_of_16_gives_64_triplets(dataset, annotators):
    campaign = create_campaign(name="sixteen", dataset=dataset, groups=1, repetitions=1).campaign
    assert simulate(campaign, annotators, Manner()) == 15
    parsed, _ = export(campaign, sources=["direct", "inferred"])
    assert Counter(r["source"] for r in parsed) == {"direct": 15, "inferred": 49}
    for r in parsed:
        a, p, n = (int(r[c][:3]) for c in ("anchor_image", "positive_image", "negative_image"))
        assert abs(a - p) <= abs(a - n)
    labels = ("calm", "glad", "sad")
    kinds = {1: "ONE_CLASS_TRIPLET", 2: "TWO_CLASS_TRIPLET", 3: "THREE_CLASS_TRIPLET"}
    for r in parsed:
        classes = {labels[int(r[f"{c}_image"][:3]) % 3] for c in ("anchor", "positive", "negative")}
        assert r["kind"] == kinds[len(classes)]


def test_the_same_data_give_the_same_bytes(finished):
    assert export(finished)[1] == export(finished)[1]


def test_imported_triplets_put_the_odd_one_last(finished):
    parsed, _ = export(finished, sources=["imported"])
    assert len(parsed) == finished.dataset.imported_triplets.count()
    weight = weights(rater_tallies(finished.dataset))
    for r in parsed:
        assert r["negative_image"] >= "030.jpg" > r["anchor_image"]
        assert r["annotators"] == "line:r0;line:r1;line:r2;line:r3;line:r4;line:r5"
        assert float(r["weight"]) == pytest.approx(min(weight.values()), abs=1e-6)
        assert (r["chain"], r["group"], r["strength"], r["votes_for"], r["votes_against"]) == (
            "0", "", "strong", "4", "1",
        )  # fmt: skip


def test_each_odd_place_is_read_right(dataset):
    one, two, three = dataset.faces.order_by("id")[3:6]
    for odd in (1, 2, 3):
        dataset.imported_triplets.all().delete()
        dataset.imported_triplets.create(
            face_1=one, face_2=two, face_3=three, kind="", split="train", raters=["a", "b", "c"],
            answers=[odd, odd, odd % 3 + 1], odd=odd, strength="strong", votes_for=2, votes_against=1,
        )  # fmt: skip
        out = io.BytesIO()
        copy_triplets(out, dataset=dataset, campaign=None, numbered=True)
        [row] = csv.DictReader(io.StringIO(out.getvalue().decode()))
        faces = [one.key, two.key, three.key]
        assert row["triplet"] == "1"
        assert row["negative"] == faces[odd - 1]
        assert [row["anchor"], row["positive"]] == [key for i, key in enumerate(faces, 1) if i != odd]
        out = io.BytesIO()
        copy_answers(out, dataset=dataset, campaign=None)
        said = {r["annotator"]: r["answer"] for r in csv.DictReader(io.StringIO(out.getvalue().decode()))}
        assert said["line:a"] == said["line:b"] == "negative"
        assert row[said["line:c"]] == faces[odd % 3]


def test_numbers_join_answers_to_triplets(finished):
    parsed, _ = export(finished, numbered=True)
    assert [int(r["triplet"]) for r in parsed] == list(range(1, len(parsed) + 1))
    said = {}
    for answer in answers(finished):
        said.setdefault(answer["triplet"], {})[answer["annotator"]] = answer["answer"]
    for r in parsed:
        assert set(said[r["triplet"]]) == set(r["annotators"].split(";"))
        if r["source"] != "imported":
            assert set(said[r["triplet"]].values()) <= {"negative", "uncertain"}
            assert "negative" in said[r["triplet"]].values()


def test_the_command_writes_whole_files_only(finished, tmp_path):
    out = tmp_path / "t.csv"
    call_command("export_triplets", "c", output=out)
    assert out.read_bytes() == export(finished, sources=["direct", "inferred"], with_confidence=True)[1]
    with pytest.raises(CommandError, match="Unknown source wrong"):
        call_command("export_triplets", "c", output=out, sources="wrong")
    with pytest.raises(CommandError, match="no campaign"):
        call_command("export_triplets", "nobody", output=out)
    with pytest.raises(CommandError, match="can not be written"):
        call_command("export_triplets", "c", output=tmp_path / "no" / "t.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def posterior_of(campaign, index):
    group = campaign.groups.get(index=index)
    weight = weights(annotator_tallies(campaign))
    answers = []
    for vote in Vote.objects.live().filter(group=group).exclude(answer="uncertain").order_by("pk"):
        answers.append(Judgement(vote.winner, vote.low + vote.high - vote.winner, weight[vote.annotator_id]))
    return posterior(answers, campaign.k, noise_of(campaign, weight))


def test_each_triplet_carries_what_all_answers_say_of_its_pair(finished):
    parsed, _ = export(finished, with_confidence=True)
    assert all((r["confidence"] == "") == (r["source"] == "imported") for r in parsed)
    slot = {}
    for candidate in Candidate.objects.select_related("group", "positive", "negative"):
        for face in (candidate.positive, candidate.negative):
            slot[str(candidate.group.index), face.key] = candidate.slot
    sure = {str(index): posterior_of(finished, index).confidence for index in (1, 2, 3)}
    for r in parsed:
        if r["source"] != "imported":
            group = r["group"]
            expected = sure[group][slot[group, r["positive"]], slot[group, r["negative"]]]
            assert float(r["confidence"]) == pytest.approx(expected, abs=2e-3)


def test_confident_triplets_contradict_nothing(finished, tmp_path):
    out = tmp_path / "sure.csv"
    call_command("export_triplets", "c", output=out, min_confidence=0.8)
    rows = list(csv.DictReader(io.StringIO(out.read_text())))
    assert rows
    assert list(rows[0]) == list(export(finished, with_confidence=True)[0][0])
    said = [(r["group"], r["anchor"], r["positive"], r["negative"]) for r in rows]
    assert len(said) == len(set(said))
    assert not {(g, a, n, p) for g, a, p, n in said} & set(said)
    assert all(float(r["confidence"]) >= 0.8 for r in rows)
    with pytest.raises(CommandError, match="confidence to ask for"):
        call_command("export_triplets", "c", output=out, min_confidence=0.5)
    for bad in (1.1, -3.0):
        with pytest.raises(CommandError, match="at most 1"):
            call_command("export_triplets", "c", output=out, min_confidence=bad)
