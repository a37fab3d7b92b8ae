"""A version's card: what it says follows from what is known, and nobody is named."""

from django.utils import timezone

from annotate.accounts.markdown import to_html
from annotate.accounts.models import Role, User
from annotate.campaigns.creation import create_campaign
from annotate.campaigns.simulation import simulate
from annotate.tournament.simulator import Manner
from annotate.training.freezing import freeze_snapshot
from annotate.training.model_card import card_of
from annotate.training.models import ModelVersion, Run, Snapshot
from annotate.training.snapshot_alteration import alter_snapshot
from annotate.training.snapshot_facts import facts_of
from annotate.training.validating import enter_validation
from tests.training.registry import make_version, report

NOW = timezone.now()


def card(version):
    related = ("run__snapshot__dataset", "run__snapshot__campaign")
    return card_of(ModelVersion.objects.select_related(*related).get(pk=version.pk))


def test_facts_are_those_of_the_tables(snapshot):
    facts = facts_of(snapshot)
    assert (facts.faces, facts.people) == ({"train": 16, "val": 8}, {"train": 8, "val": 4})
    assert facts.nameless == 0
    assert facts.triplets == {("imported", "train"): 16, ("imported", "val"): 8}
    assert facts.ours.count == 0
    assert (facts.raters.count, facts.raters.answers) == (6, 24 * 6)
    assert list(facts.raters.weights) == sorted(facts.raters.weights)


def test_facts_of_a_campaign_are_counted_apart(dataset):
    campaign = create_campaign(name="c", dataset=dataset, groups=2, k=2, repetitions=1).campaign
    people = [User.objects.create_user(f"person-{n}", None, role=Role.ANNOTATOR) for n in range(2)]
    simulate(campaign, people, Manner(flip=0.0), seed=1)
    snapshot = freeze_snapshot(name="with", dataset=dataset, campaign=campaign)
    facts = facts_of(snapshot)
    assert 1 <= facts.ours.count <= 2
    of = {source for source, _ in facts.triplets}
    assert {"imported", "direct"} <= of
    assert sum(facts.triplets.values()) == snapshot.counts["triplets"]
    text = card(make_version(snapshot))
    assert "with campaign c" in text
    assert "| Annotators | In campaigns | With the data set |" in text


def test_the_card_says_what_is_known(snapshot):
    version = make_version(snapshot)
    Run.objects.update(
        environment={"torch": "2.14.1", "device_name": "a | pipe"},
        events=[{"kind": "start", "device": "cpu", "notes": ["a note <of> the network"]}],
    )
    text = card(version)
    assert f"# Model version {version.pk}" in text
    assert f"SHA-256 `{snapshot.sha256}`" in text
    assert "| for training | 16 | 8 |" in text
    assert "| came with the data set | 16 | 8 |" in text
    assert "| Annotators | With the data set |\n| --- | --- |\n| People | 6 |\n| Answers | 144 |" in text
    assert "| two classes | 75.0 % of 8 | none |" in text
    assert "| torch | 2.14.1 |" in text
    assert "| device\\_name | a \\| pipe |" in text
    assert "a note \\<of\\> the network" in text
    assert "Only 8 held-out triplets: chance alone moves the accuracy by up to 35 points" in text
    assert "It has learnt from 8 people only" in text
    assert "No answer came from comparisons" in text
    assert "there is no accuracy that compares it" in text
    assert "Nobody on whose faces it was trained has been erased" in text
    assert "| Licence | not stated |" in text
    for person in ("p0", "p11", "r0"):
        assert person not in text.split()
    assert to_html(text).count("<table>") == 8


def test_the_validation_stands_first(snapshot):
    version = make_version(snapshot)
    Snapshot.objects.update(validates=True)
    assert "not measured." in card(version)
    enter_validation(version, snapshot, report(0.625, 40), NOW)
    text = card(version)
    assert text.index("62.5 %") < text.index("75.0 %")
    assert "It is not measured on people" not in text


def test_the_erased_are_counted_and_not_named(snapshot):
    version = make_version(snapshot)
    child = make_version(freeze_snapshot(name="other", dataset=snapshot.dataset), parent=version)
    before = snapshot.sha256
    alter_snapshot(snapshot.pk, {"drawn:calm-00", "drawn:glad-00"}, timezone.now())
    for one in (version, child):
        text = card(one)
        assert f"| {timezone.now():%Y-%m-%d} | 2 | " in text
        assert "What the network learnt from them is still in it" in text
        assert "calm-00" not in text
    text = card(version)
    assert f"SHA-256 `{before}`; altered since, now" in text
    assert "| for training | 14 | 7 |" in text


def test_names_are_no_markup(dataset):
    snapshot = freeze_snapshot(name="# <img src=x> | `a` [b](javascript:c)", dataset=dataset)
    html = to_html(card(make_version(snapshot)))
    assert "<img" not in html
    assert "href" not in html
    assert "&lt;img src=x&gt; | `a` [b](javascript:c)" in html


def test_a_snapshot_whose_folder_is_gone(snapshot, folders):
    version = make_version(snapshot)
    (folders / "snapshots" / snapshot.folder).rename(folders / "elsewhere")
    assert "Its tables are not there any more" in card(version)
