"""The figures of a campaign's annotators: one worked by hand, and against naive counts over all votes."""

import contextlib
import csv
import io
import random
import uuid
from collections import defaultdict
from datetime import timedelta

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from annotate.campaigns.creation import create_campaign
from annotate.campaigns.gold import draw_gold_from_triplets
from annotate.campaigns.leases import lease
from annotate.campaigns.management.commands.annotator_quality import COLUMNS, HELP
from annotate.campaigns.models import Answer, Candidate, Gold, Vote
from annotate.campaigns.quality import Agreement, annotator_quality, campaign_agreement
from annotate.campaigns.retraction import BuiltUpon, discard_votes, undo
from annotate.campaigns.simulation import simulate
from annotate.campaigns.weights import annotator_tallies
from annotate.tournament.agreement import weights
from annotate.tournament.quality import Share, krippendorff_alpha
from annotate.tournament.simulator import Manner


@pytest.fixture
def answered(campaign):
    """Stores a vote that decides nothing, a second after the one before."""
    start = timezone.now()
    seconds = iter(range(1000))

    def store(annotator, asked, answer, *, low_is_left=True, ms=1000, retracted=False):
        second = next(seconds)
        of = {"gold": asked}
        if not isinstance(asked, Gold):
            of = {"comparison": asked, "group": asked.group, "low": asked.low, "high": asked.high}
        vote = Vote.objects.create(
            pk=uuid.UUID(int=second), campaign=campaign, annotator=annotator, answer=answer,
            low_is_left=low_is_left, response_ms=ms, counts=False, **of,
        )  # fmt: skip
        at = start + timedelta(seconds=second)
        taken_back = {"retracted_at": at, "retracted_by": annotator} if retracted else {}
        Vote.objects.filter(pk=vote.pk).update(created_at=at, **taken_back)
        return vote

    return store


def test_a_hand_worked_example(campaign, annotators, answered):
    anna, berta, *_ = annotators
    first, second, third = campaign.groups.get(index=1).brackets.first().comparisons.order_by("pk")[:3]
    low, high = Candidate.objects.filter(group=first.group, slot__in=(first.low, first.high)).order_by("slot")
    gold = Gold.objects.create(
        campaign=campaign, anchor=first.group.anchor, nearer=high.positive, farther=low.positive
    )
    answered(anna, first, Answer.LEFT, ms=100, retracted=True)  # low
    answered(anna, first, Answer.RIGHT, ms=200)  # high: not as before
    answered(anna, gold, Answer.LEFT, ms=400)  # high again, and right
    answered(anna, second, Answer.UNCERTAIN, ms=None)
    answered(anna, third, Answer.LEFT, low_is_left=False, ms=1000)  # high
    answered(berta, first, Answer.LEFT, low_is_left=False)  # high: as anna
    answered(berta, second, Answer.LEFT)
    answered(berta, third, Answer.LEFT)  # low: not as anna
    answered(berta, gold, Answer.UNCERTAIN)
    # Nothing is decided, so nothing agrees, and W is 1 for want of anything else.
    of_anna, of_berta = annotator_quality(campaign)
    assert (of_anna.annotator, of_anna.votes, of_anna.retracted) == (anna.pk, 4, 1)
    assert (of_anna.agreement, of_anna.weight, of_anna.is_mean) == (Share(0, 0), 1.0, True)
    assert of_anna.gold == Share(1, 1)
    assert of_anna.uncertain == Share(1, 4)
    assert of_anna.left == Share(2, 3)
    assert of_anna.too_fast == Share(1, 3)
    assert (of_anna.median_ms, of_anna.fast_ms) == (400, pytest.approx(220))
    assert of_anna.repeats == Share(1, 2)
    assert (of_berta.gold, of_berta.repeats) == (Share(0, 0), Share(0, 0))
    # Two pairs have two answers: (0, 2) and (1, 1). D_o = 2 / 4, D_e = 2 * 1 * 3 / (4 * 3).
    assert campaign_agreement(campaign) == Agreement(alpha=0.0, pairs=2)


def test_who_has_no_vote_left_is_still_there(campaign, annotators, answered):
    comparison = campaign.groups.get(index=1).brackets.first().comparisons.first()
    answered(annotators[0], comparison, Answer.LEFT, retracted=True)
    [quality] = annotator_quality(campaign)
    assert (quality.votes, quality.retracted) == (0, 1)
    assert quality.median_ms is None
    assert quality.uncertain.value is None
    assert campaign_agreement(campaign) == Agreement(None, 0)


@pytest.fixture
def finished(campaign, annotators, admin):
    """A campaign with gold, undone votes, and an annotator whose votes were discarded."""
    campaign.gold_rate = 0.3
    campaign.save()
    draw_gold_from_triplets(campaign, 20)
    manner = Manner(flip=0.15, uncertain=0.1)
    simulate(campaign, annotators, manner, seed=1, repetitions=[1])
    now = timezone.now()
    for annotator in annotators:
        last = Vote.objects.live().filter(annotator=annotator).latest("created_at")
        with contextlib.suppress(BuiltUpon):
            undo(last.pk, annotator=annotator, at=now, lease_until=now)
    discard_votes(campaign, annotators[3], admin=admin, at=now)
    simulate(campaign, annotators[:3], manner, seed=9)
    return campaign


def naive_repeats(campaign, annotator):
    faces = {(c.group_id, c.slot): c.positive_id for c in Candidate.objects.all()}
    before, same, n = {}, 0, 0
    hers = Vote.objects.filter(campaign=campaign, annotator=annotator).exclude(answer="uncertain")
    for vote in hers.select_related("gold", "group").order_by("created_at"):
        if vote.gold is not None:
            asked = (vote.gold.anchor_id, frozenset({vote.gold.nearer_id, vote.gold.farther_id}))
            named = vote.gold.nearer_id if vote.names_nearer else vote.gold.farther_id
        else:
            pair = (faces[vote.group_id, vote.low], faces[vote.group_id, vote.high])
            asked, named = (vote.group.anchor_id, frozenset(pair)), faces[vote.group_id, vote.winner]
        if asked in before:
            n, same = n + 1, same + (before[asked] == named)
        before[asked] = named
    return Share(same, n)


def test_equals_naive_counts_over_the_votes(finished):
    tallies = annotator_tallies(finished)
    qualities = annotator_quality(finished)
    assert len(qualities) == 4
    weight = weights(tallies)
    for quality in qualities:
        votes = list(Vote.objects.filter(annotator=quality.annotator).select_related("gold"))
        live = [vote for vote in votes if vote.retracted_at is None]
        named = [vote for vote in live if vote.answer != "uncertain"]
        gold = [vote.names_nearer for vote in named if vote.gold]
        times = [vote.response_ms for vote in live]
        assert (quality.votes, quality.retracted) == (len(live), len(votes) - len(live))
        assert quality.uncertain == Share(len(live) - len(named), len(live))
        assert quality.left == Share(sum(vote.answer == "left" for vote in named), len(named))
        assert quality.gold == Share(sum(gold), len(gold))
        assert quality.too_fast == Share(sum(ms < 300 for ms in times), len(times))
        if live:
            assert quality.median_ms == pytest.approx(np.median(times))
            assert quality.fast_ms == pytest.approx(np.quantile(times, 0.05))
            tally = tallies[quality.annotator]
            assert quality.agreement == Share(tally.n_agree, tally.n)
            assert quality.weight == weight[quality.annotator]
        assert quality.repeats == naive_repeats(finished, quality.annotator)
    assert sum(quality.repeats.n for quality in qualities)
    assert sum(quality.gold.n for quality in qualities)


def test_alpha_is_of_all_pairs_that_several_answered(finished):
    said = defaultdict(list)
    for vote in Vote.objects.live().filter(gold__isnull=True).exclude(answer="uncertain"):
        said[vote.group_id, vote.low, vote.high].append(vote.winner == vote.high)
    several = [answers for answers in said.values() if len(answers) > 1]
    units = defaultdict(int)
    for answers in several:
        units[answers.count(False), answers.count(True)] += 1
    assert several
    assert campaign_agreement(finished) == Agreement(krippendorff_alpha(units), len(several))


def test_a_campaigns_figures_are_its_own(finished, annotators, dataset, vote):
    before = annotator_quality(finished), campaign_agreement(finished)
    other = create_campaign(name="other", dataset=dataset, groups=1, k=8, seed=1).campaign
    for question in lease(other, annotators[0], count=3, at=timezone.now(), rng=random.Random(1)):
        vote(annotators[0], question)
    assert (annotator_quality(finished), campaign_agreement(finished)) == before
    assert [quality.votes for quality in annotator_quality(other)] == [3]


def test_as_many_queries_however_many_votes(campaign, annotators, django_assert_max_num_queries):
    simulate(campaign, annotators, Manner())
    with django_assert_max_num_queries(6):
        annotator_quality(campaign)
        campaign_agreement(campaign)


def test_the_command_writes_csv(finished, tmp_path):
    out = io.StringIO()
    call_command("annotator_quality", "c", stdout=out)
    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    agreement = campaign_agreement(finished)
    for row, quality in zip(rows, annotator_quality(finished), strict=True):
        assert row["annotator"] == f"user:{quality.annotator}"
        assert (int(row["n"]), int(row["n_agree"])) == (quality.agreement.n, quality.agreement.count)
        assert float(row["weight"]) == pytest.approx(quality.weight, abs=1e-6)
        assert row["weight_is_mean"] == ("true" if quality.is_mean else "false")
        assert float(row["alpha"]) == pytest.approx(agreement.alpha, abs=1e-6)
        if quality.votes:
            assert float(row["left_high"]) == pytest.approx(quality.left.interval[1], abs=1e-6)
        else:
            assert row["left_high"] == row["median_ms"] == row["gold_accuracy"] == ""
    call_command("annotator_quality", "c", output=tmp_path / "q.csv")
    assert (tmp_path / "q.csv").read_text() == out.getvalue()
    with pytest.raises(CommandError, match="no campaign"):
        call_command("annotator_quality", "nobody")
    with pytest.raises(CommandError, match="can not be written"):
        call_command("annotator_quality", "c", output=tmp_path / "no" / "q.csv")


def test_the_help_names_every_column():
    named = set(HELP.replace(",", " ").split())
    assert [column for column in COLUMNS if column not in named] == ["agree_high"]
