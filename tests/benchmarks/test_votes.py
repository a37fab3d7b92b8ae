"""Voting: the cycle "vote, and get the next" over HTTP, and how the claim slows as comparisons pile up."""

import random
import statistics
import threading
import time
import uuid

import pytest
from django.db import connection
from django.utils import timezone

from annotate.accounts.models import Role, User
from annotate.campaigns.creation import create_campaign
from annotate.campaigns.leases import lease
from annotate.campaigns.models import Campaign, Comparison
from annotate.campaigns.voting import cast_vote
from annotate.faces.models import Dataset
from tests.benchmarks.bare_urls import TABLES
from tests.campaigns.test_load import many_faces
from tests.web import WebClient, WebServer, logged_in

pytestmark = [pytest.mark.benchmark, pytest.mark.django_db(transaction=True)]
SECONDS = 3.0
REPEATS = 3
CLAIMS = 300


@pytest.fixture
def bare_tables(db):
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE bare_task, bare_answer")


@pytest.fixture
def people(db):
    return User.objects.bulk_create(
        User(username=f"bench-{i}", role=Role.ANNOTATOR, password="!") for i in range(32)
    )


def bare_cycles(client):
    """Ends a cycle at each step."""
    task = 1
    while True:
        vote = {"id": str(uuid.uuid4()), "showing": task, "answer": "left"}
        task = ok(client.post("/bare/cycle", vote))["id"]
        yield


def one_by_one(campaign):
    """A vote that asks for the next comparison."""

    def cycles(client):
        [shown] = ok(client.post(f"/api/campaigns/{campaign.pk}/leases", {"count": 1}))["comparisons"]
        while True:
            [shown] = ok(client.post("/api/votes", a_vote(shown) | {"more": 1}))["comparisons"]
            yield

    return cycles


def ahead(campaign):
    """The same with ten comparisons held ahead, as the compare page has them."""

    def cycles(client):
        held = ok(client.post(f"/api/campaigns/{campaign.pk}/leases", {"count": 10}))["comparisons"]
        while True:
            held += ok(client.post("/api/votes", a_vote(held.pop(0)) | {"more": 1}))["comparisons"]
            yield

    return cycles


def a_vote(shown):
    return {"id": str(uuid.uuid4()), "showing": shown["id"], "answer": random.choice(["left", "right"])}


def ok(answer):
    status, content = answer
    assert status in (200, 201), content
    return content


def throughput(cycles, clients):
    """Cycles per second of so many clients that each begin the next one at once."""
    done = [0] * len(clients)
    barrier = threading.Barrier(len(clients) + 1)
    ending = threading.Event()

    def work(place, client):
        # The server has hung up on a connection that was idle for long.
        client.close()
        steps = cycles(client)
        try:
            next(steps)
        except BaseException:
            barrier.abort()
            raise
        barrier.wait()
        while not ending.is_set():
            next(steps)
            done[place] += 1

    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(clients)]
    for thread in threads:
        thread.start()
    barrier.wait(120)
    start = time.perf_counter()
    time.sleep(SECONDS)
    total, took = sum(done), time.perf_counter() - start
    ending.set()
    for thread in threads:
        thread.join()
    return total / took


def test_cycle(report, tmp_path, bare_tables, people):
    campaign = create_campaign(name="bench", dataset=many_faces(300), groups=300, k=16).campaign
    ways = {"bare": bare_cycles, "one by one": one_by_one(campaign), "ten ahead": ahead(campaign)}
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with WebServer(tmp_path / "web.log", DJANGO_SETTINGS_MODULE="tests.benchmarks.bare_settings") as server:
        clients = [WebClient(server.address, logged_in(person)) for person in people]
        throughput(bare_cycles, clients)
        for number in (1, 8, 32):
            runs = [
                {name: throughput(cycles, clients[:number]) for name, cycles in ways.items()}
                for _ in range(REPEATS)
            ]
            median = {name: statistics.median(run[name] for run in runs) for name in ways}
            report(f"{number} annotators: {median['bare']:.0f} bare cycles a second")
            for name in list(ways)[1:]:
                ratio = statistics.median(run[name] / run["bare"] for run in runs)
                report(f"  vote and next, {name}: {median[name]:.0f} a second, {ratio:.2f} of bare")


# Rows go in as they stand: the guards and keys that would look at each of them are tested elsewhere.
FILL = """
    SET session_replication_role = replica;
    INSERT INTO faces_face (dataset_id, key, image, url, crop, crop_sha256, split, identity, expression,
        created_at)
        SELECT %(dataset)s, %(dataset)s || ':' || i, i || '.jpg', '', %(dataset)s || '/' || i,
            repeat('0', 64), 'train', '', '', now() FROM generate_series(1, %(groups)s + 100) i;
    CREATE TEMPORARY TABLE first AS SELECT min(id) AS face FROM faces_face WHERE dataset_id = %(dataset)s;
    INSERT INTO campaigns_group (campaign_id, index, anchor_id, split, is_sure)
        SELECT %(campaign)s, i, face + i - 1, 'train', false FROM first, generate_series(1, %(groups)s) i;
    INSERT INTO campaigns_candidate (group_id, slot, positive_id, negative_id)
        SELECT g.id, slot, g.anchor_id + 1 + slot, g.anchor_id + 40 + slot
        FROM campaigns_group g, generate_series(0, 15) slot WHERE g.campaign_id = %(campaign)s;
    INSERT INTO campaigns_bracket (group_id, repetition, seed) SELECT g.id, repetition, g.id * 3 + repetition
        FROM campaigns_group g, generate_series(1, 3) repetition WHERE g.campaign_id = %(campaign)s;
    INSERT INTO campaigns_comparison (campaign_id, group_id, bracket_id, round, position, low, high, is_tie,
        is_withdrawn, uncertain) SELECT %(campaign)s, b.group_id, b.id, 1, position, position * 2,
        position * 2 + 1, false, false, 0 FROM campaigns_bracket b
        JOIN campaigns_group g ON g.id = b.group_id, generate_series(0, 7) position
        WHERE g.campaign_id = %(campaign)s;
    DROP TABLE first;
    SET session_replication_role = DEFAULT;
"""


def open_comparisons(number):
    """A campaign with at least so many, in first rounds."""
    dataset = Dataset.objects.create(name=f"{number}")
    campaign = Campaign.objects.create(name=f"{number} open", dataset=dataset)
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"dataset": dataset.pk, "campaign": campaign.pk, "groups": -(-number // 24)})
    assert Comparison.objects.filter(campaign=campaign).open().count() >= number
    return campaign


def claim_seconds(campaign, people):
    """The median of lease(count=1), each followed by the vote."""
    rng = random.Random(1)
    took = []
    for claim in range(CLAIMS):
        person = people[claim % len(people)]
        start = time.perf_counter()
        [question] = lease(campaign, person, count=1, at=timezone.now(), rng=rng)
        took.append(time.perf_counter() - start)
        cast_vote(
            vote_id=uuid.uuid4(), showing_id=question.pk, annotator=person,
            answer=rng.choice(["left", "right"]), response_ms=None, at=timezone.now(),
        )  # fmt: skip
    return statistics.median(took)


def test_claim(report, people):
    few, many = open_comparisons(10_000), open_comparisons(1_000_000)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    runs = [(claim_seconds(few, people), claim_seconds(many, people)) for _ in range(REPEATS)]
    ratio = statistics.median(slow / fast for fast, slow in runs)
    few_ms, many_ms = (statistics.median(run[i] for run in runs) * 1e3 for i in (0, 1))
    report(
        f"claim of one comparison: {few_ms:.1f} ms among 10,000 open, {many_ms:.1f} ms among 1,000,000, "
        f"{ratio:.2f} times"
    )
