"""What an answer costs: how many round trips, and that none of them reads a whole table as votes pile up."""

import uuid

from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotate.campaigns.models import Vote


def test_a_vote_and_what_comes_next_take_as_many_statements_as_a_bare_claim_and_insert(
    campaign, annotators, client
):
    client.force_login(annotators[0])
    asked = client.post(f"/api/campaigns/{campaign.pk}/leases", {"count": 2}, "application/json").json()
    vote = {"id": str(uuid.uuid4()), "showing": asked["comparisons"][0]["id"], "answer": "left", "more": 1}
    with CaptureQueriesContext(connection) as queries:
        answer = client.post("/api/votes", vote, "application/json")
    assert answer.status_code == 201
    assert len(answer.json()["comparisons"]) == 1
    called = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert len(called) == 4, called  # the session, the user, the vote, the lease
    assert Vote.objects.count() == 1


def test_the_functions_of_the_database_use_indexes_and_keep_their_plans(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname FROM pg_proc WHERE proname ~ '^campaigns_' AND prolang = "
            "(SELECT oid FROM pg_language WHERE lanname = 'plpgsql') AND NOT coalesce(proconfig @> "
            "ARRAY['enable_seqscan=off', 'plan_cache_mode=force_generic_plan'], false) AND prosrc ~ 'FROM'"
        )
        assert cursor.fetchall() == []
