"""An annotator sees her own answers and hours by day, and never another's."""

import csv
import random
import uuid
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotate.campaigns.creation import create_campaign
from annotate.campaigns.leases import LEASE, lease
from annotate.campaigns.models import Vote
from annotate.campaigns.my_work import work_of
from annotate.campaigns.retraction import undo
from annotate.campaigns.voting import cast_vote

# Late in the evening in New York is the next day already in London.
MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
EVENING = datetime(2026, 3, 3, 2, tzinfo=UTC)


@pytest.fixture
def answer():
    def give(campaign, annotator, at, response_ms):
        [question] = lease(campaign, annotator, count=1, at=at, rng=random.Random(1))
        vote = cast_vote(
            vote_id=uuid.uuid4(), showing_id=question.pk, annotator=annotator, answer="left",
            response_ms=response_ms, at=at,
        ).vote  # fmt: skip
        # The database writes its own clock's time.
        Vote.objects.filter(pk=vote.pk).update(created_at=at)
        return vote

    return give


@pytest.fixture
def worked(campaign, dataset, annotators, answer):
    """Two days in two campaigns, a very long look, an unmeasured one, and one taken back."""
    another = create_campaign(name="d", dataset=dataset, groups=1, k=4, repetitions=1, seed=6).campaign
    anna = annotators[0]
    for response_ms in (1_500, 2_500, 3_600_000):
        answer(campaign, anna, MONDAY, response_ms)
    answer(campaign, anna, EVENING, None)
    undone = answer(another, anna, EVENING, 4_000)
    undo(undone.pk, annotator=anna, at=EVENING, lease_until=EVENING + LEASE)
    answer(campaign, annotators[1], MONDAY, 9_000)
    return anna


def rows(annotator):
    return [
        (str(row.day), row.campaign, row.answers, row.taken_back, row.seconds) for row in work_of(annotator)
    ]


def test_answers_and_time_by_day_and_campaign(worked, annotators):
    assert rows(worked) == [
        ("2026-03-03", "c", 1, 0, 0),
        ("2026-03-03", "d", 1, 1, 4),
        ("2026-03-02", "c", 3, 0, 64),
    ]
    assert rows(annotators[1]) == [("2026-03-02", "c", 1, 0, 9)]
    assert rows(annotators[2]) == []


def test_days_are_those_of_the_installations_time_zone(worked, settings):
    settings.TIME_ZONE = "America/New_York"
    assert {row.day.isoformat() for row in work_of(worked)} == {"2026-03-02"}


def test_the_page_and_the_file_are_hers_alone(worked, annotators, client):
    client.force_login(worked)
    page = client.get(reverse("my-work"))
    assert page.context["answers"] == 4
    assert (page.context["hours"], page.context["minutes"]) == (0, 1)
    assert "More than 60 seconds" in page.content.decode()
    lines = list(csv.DictReader(client.get(reverse("my-work-csv")).content.decode().splitlines()))
    assert lines[-1] == {
        "day": "2026-03-02", "campaign": "c", "answers": "3", "taken_back": "0", "seconds": "64",
    }  # fmt: skip
    # There is no address for another's; a parameter changes nothing.
    client.force_login(annotators[2])
    for name in ("my-work", "my-work-csv"):
        url = reverse(name)
        assert "2026" not in client.get(url, {"annotator": worked.pk}).content.decode()
        assert Client().get(url).status_code == 302
    assert "No answer of yours yet" in client.get(reverse("my-work")).content.decode()


def test_the_database_counts_along_the_index(worked):
    with CaptureQueriesContext(connection) as queries:
        work_of(worked)
    asked = [query["sql"] for query in queries if "campaigns_" in query["sql"]]
    assert len(asked) == 3  # her campaigns, her votes, and what was erased of them
    [votes] = [sql for sql in asked if 'FROM "campaigns_vote"' in sql]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + votes)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "vote_of_annotator" in plan
