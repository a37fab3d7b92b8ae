"""The command line of campaigns: what it does, what it says, and that it fails loudly."""

import pytest
from django.core.management import CommandError, call_command

from annotate.campaigns.models import Campaign, Comparison, Vote


def create(name="c", **options):
    call_command("create_campaign", name, **{"dataset": "line", "groups": 3, "k": 8, **options})


def test_creating_says_what_it_drew(dataset, capsys):
    create(groups=10)
    said = capsys.readouterr().err
    assert "3 groups of 8, 3 repetitions each, 63 comparisons. 24 anchors were skipped" in said
    assert "10 groups were asked for; the data set has no more." in said


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"dataset": "nothing"}, "There is no data set nothing"),
        ({"k": 7}, "power of two"),
        ({"groups": 0}, "at least one group"),
        ({"k": 32}, "smaller k"),
    ],
)
def test_what_can_not_be_created_is_refused(dataset, options, reason):
    with pytest.raises(CommandError, match=reason):
        create(**options)
    assert not Campaign.objects.exists()


def test_a_name_is_taken_once(dataset):
    create()
    with pytest.raises(CommandError, match="already exists"):
        create()


def test_simulating_answers_everything_that_is_open(dataset, capsys):
    create(groups=2)
    call_command("simulate_campaign", "c", annotators=4, noise=0.1, seed=3)
    assert not Comparison.objects.open().exists()
    assert "42 votes." in capsys.readouterr().err
    assert Vote.objects.count() == 42
    call_command("simulate_campaign", "c", annotators=4)
    assert "0 votes." in capsys.readouterr().err


def test_simulating_without_noise_follows_the_known_expressions(dataset):
    create(groups=2)
    call_command("simulate_campaign", "c", annotators=4)
    for comparison in Comparison.objects.select_related("group__anchor"):
        places = {
            c.slot: abs(c.positive.known_expression[0] - comparison.group.anchor.known_expression[0])
            for c in comparison.group.candidates.select_related("positive")
        }
        loser = comparison.low + comparison.high - comparison.winner
        assert places[comparison.winner] <= places[loser]


def test_simulating_with_too_few_says_what_waits(dataset, capsys):
    create(groups=1)
    call_command("simulate_campaign", "c", annotators=1)
    assert "comparisons wait: all 1 annotators have answered their pair" in capsys.readouterr().err
    call_command("simulate_campaign", "c", annotators=6)
    assert not Comparison.objects.open().exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["nobody"], "There is no campaign nobody"),
        (["c", "--annotators", "0"], "At least one annotator"),
        (["c", "--noise", "1.5"], "not between 0 and 1"),
        (["c", "--uncertain", "x"], "invalid share value"),
    ],
)
def test_bad_simulations_are_refused(campaign, arguments, reason):
    with pytest.raises(CommandError, match=reason):
        call_command("simulate_campaign", *arguments)
    assert not Vote.objects.exists()


def test_a_paused_campaign_is_not_simulated(campaign):
    Campaign.objects.update(is_active=False)
    with pytest.raises(CommandError, match="paused"):
        call_command("simulate_campaign", "c")
