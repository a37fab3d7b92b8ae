"""The page from which everything that the embedding is good for is reached."""

import pytest
from django.urls import reverse


@pytest.mark.parametrize(("who", "status"), [("annotator", 403), ("curator", 200), ("admin", 200)])
def test_curators_and_admins_explore(client, request, who, status):
    client.force_login(request.getfixturevalue(who))
    assert client.get(reverse("explore")).status_code == status


def test_strangers_log_in_first(client):
    assert client.get(reverse("explore")).status_code == 302


def test_without_an_active_version_it_says_what_to_do(client, curator):
    client.force_login(curator)
    page = client.get(reverse("explore"))
    assert "No active model version yet" in page.content.decode()
    assert reverse("version-list") in page.content.decode()
