"""What each source of groups brought: counted with, and without, what a version was trained on."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotate.campaigns.models import Comparison, Group
from annotate.campaigns.voiding import Voided, void_group
from annotate.training.models import Snapshot
from annotate.training.sources import Source, brought, history, trained_until
from annotate.training.versions import promote
from tests.training.proposals.line import NOW, answer_all, embed, proposed
from tests.training.registry import make_version


def by_source(campaign, active):
    return {one.source: one for one in brought(campaign, active)}


def test_what_each_source_brought(campaign, version):
    proposed(campaign)
    wrong_in = Group.objects.filter(proposed__is_random=False).first().anchor_id
    answer_all(campaign, wrong=lambda question: question.anchor_id == wrong_in)
    found = by_source(campaign, version)
    assert list(found) == [Source.START, Source.PROPOSED, Source.RANDOM]
    for source, groups in zip(found, (4, 2, 2), strict=True):
        one = found[source]
        assert (one.groups, one.finished, one.answers) == (groups, groups, 3 * groups)
        assert one.uncertain.n == one.answers and one.uncertain.count == 0
        # A bracket of four: 3 direct and 1 or 2 inferred relations, two triplets each.
        assert 2 * 4 * groups <= one.triplets <= 2 * 5 * groups
        assert one.triplets_an_answer == one.triplets / one.answers
        assert one.active.n == 3 * groups
    assert found[Source.START].foretold.n == 0, "nobody proposed these"
    assert found[Source.RANDOM].contradicted.count == 0
    assert found[Source.PROPOSED].contradicted.count == found[Source.PROPOSED].contradicted.n / 2 == 3
    assert found[Source.RANDOM].active.interval[0] < 1 == found[Source.RANDOM].active.value


def test_uncertain_answers_and_ties_count_as_such(campaign, version):
    campaign.max_uncertain = 1
    campaign.save()
    anchor = campaign.groups.first().anchor_id
    answer_all(campaign, uncertain=lambda question: question.anchor_id == anchor)
    start = by_source(campaign, version)[Source.START]
    assert start.uncertain.count == 3
    assert start.active.n == 9, "ties were decided by nobody"
    assert Comparison.objects.tied().count() == 3


def test_what_a_version_was_trained_on_does_not_count_for_it(campaign, version, admin):
    answer_all(campaign)
    snapshot = Snapshot.objects.create(
        name="all", dataset=campaign.dataset, campaign=campaign, folder="all", sha256="1" * 64, counts={}
    )
    trained = make_version(make_version(snapshot).run.snapshot, parent=None)
    child = make_version(version.run.snapshot, parent=trained)
    embed(child, campaign.dataset)
    promote(child, admin, "", NOW)
    assert trained_until(campaign, version) is None
    assert trained_until(campaign, child) == snapshot.created_at, "by its parent"
    val = 3 * campaign.groups.filter(split="val").count()
    assert by_source(campaign, child)[Source.START].active.n == val < 12
    assert by_source(campaign, version)[Source.START].active.n == 12
    proposed(campaign)
    answer_all(campaign)
    found = by_source(campaign, child)
    assert found[Source.RANDOM].active.n == found[Source.PROPOSED].active.n == 6
    assert found[Source.START].active.n == val


def test_a_voided_group_takes_its_origin_along(campaign, version):
    proposal = proposed(campaign)
    void_group(proposal.groups.first().group_id, Voided())
    assert proposal.groups.count() == 3


def test_the_figures_take_as_many_queries_for_many_groups_as_for_few(campaign, version):
    def queries():
        with CaptureQueriesContext(
            connection,
        ) as captured:
            brought(campaign, version)
            history(campaign)
        return len(captured)

    few = queries()
    proposed(campaign)
    proposed(campaign, groups=12, share=0.3, seed=1)
    answer_all(campaign)
    assert queries() == few <= 8
