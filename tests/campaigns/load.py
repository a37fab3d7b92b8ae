"""Annotators as they are at their worst: impatient, doubtful, on bad networks, at a server that dies.

Each is a thread with HTTP connections of its own. What they were told is kept in a Record, and
tests/campaigns/invariants.py compares it with what the database says afterwards.
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db import connection
from django.utils import timezone

from annotate.campaigns.leases import LEASE
from annotate.campaigns.models import Campaign
from tests.web import Lost, WebClient, WebServer

# No lease ends while the request that gave it is still being answered.
YOUNG = timedelta(seconds=3)


@dataclass(frozen=True)
class Habits:
    """Shares of votes, but for `vanishing`, which is of annotators; pauses are in seconds."""

    longest_pause: float = 0.3
    uncertain: float = 0.06
    sent_again: float = 0.05
    hung_up: float = 0.02
    undone: float = 0.02
    vanishing: float = 0.02


@dataclass(frozen=True)
class Told:
    """What the server said of a vote."""

    annotator: int
    showing: int
    answer: str
    in_time: bool


@dataclass
class Record:
    """What all annotators sent and were told. Dictionaries are written by one thread a key."""

    sent: dict[UUID, int] = field(default_factory=dict)
    told: dict[UUID, Told] = field(default_factory=dict)
    undone: set[UUID] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: str) -> None:
        with self.lock:
            self.counts[what] += 1


class Annotator(threading.Thread):
    """Asks for comparisons and answers them until told to stop, or until she vanishes in mid-request."""

    def __init__(
        self, user_id: int, client: WebClient, campaign_id: int, habits: Habits, record: Record,
        *, votes_before_vanishing: int | None, seed: int,
    ) -> None:  # fmt: skip
        super().__init__(daemon=True)
        self.user_id, self.client, self.twin = user_id, client, client.twin()
        self.leases = f"/api/campaigns/{campaign_id}/leases"
        self.habits, self.record = habits, record
        self.left = votes_before_vanishing
        self.brought: list[dict] = []
        self.answered: set[int] = set()
        self.rng = random.Random(seed)
        self.has_finished = self.has_vanished = False
        self.stopping = threading.Event()

    def run(self) -> None:
        try:
            while not self.stopping.is_set() and not self.has_vanished:
                # What she holds comes again.
                self.brought = []
                asked = self.deliver(self.leases, {"count": self.rng.randint(1, 5)}, {200})
                self.has_finished = asked["state"] == "finished"
                if len({shown["id"] for shown in asked["comparisons"]}) < len(asked["comparisons"]):
                    self.record.faults.append(f"annotator {self.user_id} was asked twice in one: {asked}")
                if not asked["comparisons"]:
                    self.stopping.wait(self.rng.uniform(0.2, 1.0))
                comparisons = asked["comparisons"]
                while comparisons and not self.stopping.is_set() and self.rng.random() < 0.95:
                    self.answer_all(comparisons)
                    # One whose lease had ended before she answered it may have been brought once more.
                    comparisons = [shown for shown in self.brought if shown["id"] not in self.answered]
                    self.brought = []
        except Exception as error:
            self.record.faults.append(f"annotator {self.user_id}: {error!r}")
        finally:
            self.client.close()
            self.twin.close()

    def answer_all(self, comparisons: list[dict]) -> None:
        for shown in comparisons:
            self.stopping.wait(self.rng.uniform(0, self.habits.longest_pause))
            if self.stopping.is_set() or self.has_vanished:
                return
            vote = self.make_vote(shown["id"])
            if self.left == 0:
                self.has_vanished = True
                self.client.abort("/api/votes", vote, seconds=self.rng.uniform(0, 0.01))
                self.record.count("annotators vanished")
                return
            self.vote(vote)
            if self.rng.random() < self.habits.undone:
                self.undo(vote["id"])
                return

    def make_vote(self, showing: int) -> dict:
        answer = self.rng.choice(["left", "right"])
        if self.rng.random() < self.habits.uncertain:
            answer = "uncertain"
        vote_id = uuid.UUID(int=self.rng.getrandbits(128), version=4)
        self.record.sent[vote_id] = self.user_id
        self.answered.add(showing)
        more = self.rng.choice([0, 1, 1, 2])
        return {"id": str(vote_id), "showing": showing, "answer": answer, "response_ms": 900, "more": more}

    def vote(self, vote: dict) -> None:
        if self.left is not None:
            self.left -= 1
        if self.rng.random() < self.habits.hung_up:
            self.client.abort("/api/votes", vote, seconds=self.rng.uniform(0, 0.02))
            self.record.count("votes hung up on, and sent later")
        answers = [self.post_vote(vote)]
        if self.rng.random() < self.habits.sent_again:
            answers.append(self.post_vote(vote))
            self.record.count("votes sent again")
        for told in answers:
            if told != answers[0]:
                self.record.faults.append(f"vote {vote['id']} was told {answers}")

    def post_vote(self, vote: dict) -> Told | None:
        """Send it, or half of the times when it is sent at all twice, over two connections at once."""
        if self.rng.random() < self.habits.sent_again / 2:
            self.record.count("votes sent twice at once")
            with ThreadPoolExecutor(1) as pool:
                other = pool.submit(self.deliver, "/api/votes", vote, {200, 201}, self.twin)
                answers = [self.deliver("/api/votes", vote, {200, 201}), other.result()]
        else:
            answers = [self.deliver("/api/votes", vote, {200, 201})]
        new = {shown["id"]: shown for a in answers if a for shown in a["comparisons"]}
        known = {shown["id"] for shown in self.brought}
        self.brought += [shown for showing, shown in new.items() if showing not in known]
        told = [Told(self.user_id, a["showing"], a["answer"], a["in_time"]) for a in answers if a]
        for one in told:
            self.record.told[UUID(vote["id"])] = one
            if one != told[0]:
                self.record.faults.append(f"vote {vote['id']} was told {told}")
        return told[0] if told else None

    def undo(self, vote_id: str) -> None:
        answer = self.deliver(f"/api/votes/{vote_id}/undo", {}, {200, 409})
        if "code" in answer:
            self.record.count(f"undo refused: {answer['code']}")
        elif answer:
            self.record.undone.add(UUID(vote_id))

    def deliver(self, path: str, data: dict, expected: set[int], client: WebClient | None = None) -> dict:
        """Send a request until it is answered. Empty where the answer is not as expected."""
        give_up = time.monotonic() + 90
        while True:
            try:
                status, content = (client or self.client).post(path, data)
            except Lost:
                self.record.count("answers lost, and asked for again")
                if time.monotonic() > give_up:
                    raise
                time.sleep(self.rng.uniform(0.02, 0.2))
                continue
            if status not in expected:
                self.record.faults.append(f"{path} {data}: {status} {content}")
                return {"state": "", "comparisons": []} if path == self.leases else {}
            return content


@dataclass
class Siege:
    """One campaign, its annotators, and the server that is killed `kills` times on the way."""

    campaign: Campaign
    server: WebServer
    annotators: Sequence[Annotator]
    record: Record
    kills: int
    seconds: float

    def run(self) -> None:
        """Return once everything is decided, or after `seconds`."""
        for annotator in self.annotators:
            annotator.start()
        start = time.monotonic()
        total = self.campaign.groups.count() * self.campaign.repetitions * (self.campaign.k - 1)
        killed = 0
        while time.monotonic() - start < self.seconds and not self.is_over():
            self.let_time_pass()
            if killed < self.kills and len(self.record.told) >= total * (killed + 1) / (self.kills + 1):
                killed += 1
                self.kill(killed)
            time.sleep(0.25)
        self.record.counts["seconds"] = round(time.monotonic() - start)
        for annotator in self.annotators:
            annotator.stopping.set()
        for annotator in self.annotators:
            annotator.join(100)

    def is_over(self) -> bool:
        alive = [annotator for annotator in self.annotators if annotator.is_alive()]
        return all(annotator.has_finished for annotator in alive)

    def kill(self, number: int) -> None:
        """Alternately one worker, and the whole server."""
        if number % 2:
            self.server.kill_worker()
            self.record.count("web workers killed")
        else:
            self.server.kill()
            self.server.start()
            self.record.count("servers killed and started again")

    def let_time_pass(self) -> None:
        """Leases of those who vanished end, and a few of those who think for long; who vanished is away."""
        gone = [annotator.user_id for annotator in self.annotators if annotator.has_vanished]
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE campaigns_comparison SET leased_until = now() - interval '1 second' "
                "WHERE campaign_id = %s AND leased_until BETWEEN now() AND %s "
                "AND (leased_to_id = ANY(%s) OR random() < 0.02)",
                [self.campaign.pk, timezone.now() + LEASE - YOUNG, gone],
            )
            self.record.counts["leases lapsed"] += cursor.rowcount
            cursor.execute(
                "UPDATE campaigns_participation SET seen_at = now() - interval '1 day' "
                "WHERE campaign_id = %s AND annotator_id = ANY(%s)",
                [self.campaign.pk, gone],
            )
