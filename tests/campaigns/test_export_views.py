"""The export page, its count, its download and the same for scripts: who may, and what comes."""

import csv
import io

import pyarrow.parquet as pq
import pytest
from django.urls import reverse

from annotate.campaigns.simulation import simulate
from annotate.tournament.simulator import Manner

PAGES = ["campaign-export", "campaign-export-count", "campaign-download"]


@pytest.fixture
def finished(campaign, annotators):
    simulate(campaign, annotators, Manner(flip=0.1), seed=2)
    return campaign


@pytest.fixture
def as_curator(client, curator):
    client.force_login(curator)
    return client


def content(answer):
    return b"".join(answer.streaming_content)


def rows(answer):
    return list(csv.DictReader(io.StringIO(content(answer).decode())))


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_for_curators(client, campaign, annotator, curator, admin, name):
    url = reverse(name, args=[campaign.pk]) + "?sources=direct&format=csv"
    assert client.get(url).headers["Location"].startswith(reverse("login"))
    client.force_login(annotator)
    assert client.get(url).status_code == 403
    for user in (curator, admin):
        client.force_login(user)
        assert client.get(url).status_code == 200
        assert client.post(url).status_code == 405


def test_the_api_is_for_curators(client, campaign, annotator, curator, admin):
    url = reverse("api-triplets", args=[campaign.pk])
    assert client.get(url).status_code in (401, 403)
    for user, status in ((annotator, 403), (curator, 200), (admin, 200)):
        client.force_login(user)
        assert client.get(url).status_code == status
    assert client.get(reverse("api-triplets", args=[campaign.pk + 1])).status_code == 404


def test_the_page_leads_everywhere(as_curator, finished):
    page = as_curator.get(reverse("campaign-export", args=[finished.pk])).content.decode()
    for name in (*PAGES[1:], "api-triplets", "campaign-snapshots", "campaign-detail"):
        assert reverse(name, args=[finished.pk]) in page
    assert "0 where the annotator was" in page
    detail = as_curator.get(reverse("campaign-detail", args=[finished.pk])).content.decode()
    assert reverse("campaign-export", args=[finished.pk]) in detail


def test_the_count_follows_the_choices(as_curator, finished):
    url = reverse("campaign-export-count", args=[finished.pk])
    download = reverse("campaign-download", args=[finished.pk])
    for choice in (
        {"sources": ["direct", "inferred"], "format": "csv"},
        {"sources": ["imported"], "strengths": ["strong"], "format": "fec"},
        {"sources": ["inferred"], "min_confidence": "0.8", "format": "csv"},
    ):
        triplets = as_curator.get(download, choice).headers["X-Triplets"]
        page = as_curator.get(url, choice).content.decode()
        assert f"<dt>Triplets</dt><dd>{triplets}</dd>" in page
        assert "about" in page
    for choice, text in (
        ({}, "Choose at least one kind"),
        ({"sources": "imported", "format": "csv"}, "Choose strong or weak"),
        ({"sources": "imported", "strengths": "weak", "format": "csv"}, "has no such triplets"),
        ({"sources": "direct", "format": "csv", "split": "val"}, "no such triplets yet"),
        ({"sources": "direct", "format": "csv", "min_confidence": "0.9", "split": "val"}, "is so sure"),
        ({"sources": "direct", "format": "csv", "min_confidence": "2"}, "Minimum confidence"),
    ):
        assert text in as_curator.get(url, choice).content.decode()


def test_downloads(as_curator, finished):
    url = reverse("campaign-download", args=[finished.pk])
    answer = as_curator.get(url, {"sources": ["direct", "inferred"], "format": "csv"})
    assert answer.headers["Content-Disposition"] == 'attachment; filename="c-triplets.csv"'
    size, parsed = int(answer.headers["Content-Length"]), rows(answer)
    assert {row["source"] for row in parsed} == {"direct", "inferred"}
    assert len(parsed) == int(answer.headers["X-Triplets"])
    assert size > 100 * len(parsed)
    answer = as_curator.get(url, {"sources": "direct", "format": "parquet"})
    assert answer.headers["Content-Type"] == "application/vnd.apache.parquet"
    assert pq.read_table(io.BytesIO(content(answer))).num_rows == int(answer.headers["X-Triplets"])
    answer = as_curator.get(url, {"sources": "direct", "format": "fec"})
    assert answer.headers["Content-Disposition"] == 'attachment; filename="c-fec.csv"'
    for bad in ({}, {"sources": "wrong"}, {"sources": "direct"}):
        answer = as_curator.get(url, bad, follow=True)
        assert answer.redirect_chain == [(reverse("campaign-export", args=[finished.pk]), 302)]
        assert "message-warning" in answer.content.decode()


def test_a_script_gets_what_the_page_gives(as_curator, finished):
    url = reverse("api-triplets", args=[finished.pk])
    page = reverse("campaign-download", args=[finished.pk])
    for query in ("sources=direct&format=fec", "sources=imported&strengths=strong&format=csv&split=train"):
        assert content(as_curator.get(f"{url}?{query}")) == content(as_curator.get(f"{page}?{query}"))
    assert {row["source"] for row in rows(as_curator.get(url))} == {"direct", "inferred"}
    assert as_curator.get(url, headers={"accept": "text/csv"}).status_code == 200
    for query, parameter in (
        ("format=xml", "format"),
        ("sources=all", "sources"),
        ("min_confidence=9", "min_"),
    ):
        answer = as_curator.get(f"{url}?{query}")
        assert answer.status_code == 400
        assert any(key.startswith(parameter) for key in answer.json())
