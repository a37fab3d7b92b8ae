"""A database from before seats and evidence comes through the migrations with all that its votes say."""

import uuid

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

BEFORE = [("campaigns", "0001_initial")]


@pytest.mark.django_db(transaction=True)
def test_votes_from_before_seats_get_one():
    executor = MigrationExecutor(connection)
    accounts = executor.loader.graph.leaf_nodes("accounts")
    executor.migrate(BEFORE)
    try:
        old = executor.loader.project_state([*BEFORE, *accounts]).apps
        comparison = old_bracket(old)
        anna = old.get_model("accounts", "User").objects.create(username="anna", role="annotator")
        old.get_model("campaigns", "Vote").objects.create(
            pk=uuid.uuid4(), comparison=comparison, annotator=anna, answer="uncertain", low_is_left=True,
            group=comparison.group, low=0, high=1,
        )  # fmt: skip
    finally:
        newest = MigrationExecutor(connection)
        newest.migrate(newest.loader.graph.leaf_nodes())

    from annotate.campaigns.models import Comparison, Seat, Vote

    vote = Vote.objects.select_related("comparison").get()
    assert (vote.campaign_id, vote.counts, vote.is_stand_in) == (vote.comparison.campaign_id, True, False)
    seat = Seat.objects.get()
    assert (seat.bracket_id, seat.annotator_id, seat.is_open) == (
        vote.comparison.bracket_id, vote.annotator_id, True,
    )  # fmt: skip
    assert Comparison.objects.get().uncertain == 1


def old_bracket(old):
    """A bracket of two candidates, as the first version stored it."""
    dataset = old.get_model("faces", "Dataset").objects.create(name="old")
    face = old.get_model("faces", "Face")
    faces = [
        face.objects.create(
            dataset=dataset, key=f"old:{i}", image=f"{i}.jpg", crop=f"old/{i}", crop_sha256="0" * 64
        )
        for i in range(5)
    ]
    campaign = old.get_model("campaigns", "Campaign").objects.create(name="old", dataset=dataset, k=2)
    group = old.get_model("campaigns", "Group").objects.create(
        campaign=campaign, index=1, anchor=faces[0], split="train"
    )
    for slot in (0, 1):
        old.get_model("campaigns", "Candidate").objects.create(
            group=group, slot=slot, positive=faces[1 + slot], negative=faces[3 + slot]
        )
    bracket = old.get_model("campaigns", "Bracket").objects.create(group=group, repetition=1, seed=1)
    return old.get_model("campaigns", "Comparison").objects.create(
        campaign=campaign, group=group, bracket=bracket, round=1, position=0, low=0, high=1
    )
