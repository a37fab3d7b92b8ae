"""Admins write and publish what annotators consent to; what is published stays as it was."""

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotate.accounts.consent import (
    ConsentChanged,
    NothingToPublish,
    consent_is_missing,
    publish,
    record_consent,
    save_draft,
)
from annotate.accounts.models import ConsentText

pytestmark = pytest.mark.django_db


def published(admin, text="# Your data", text_zh_hans=""):
    return publish(save_draft(text, text_zh_hans).pk, by=admin, at=timezone.now())


def test_an_admin_writes_reads_and_publishes(client, admin):
    client.force_login(admin)
    assert "No consent text is published" in client.get(reverse("consent-text-list")).content.decode()
    typed = client.post(
        reverse("consent-text-preview"), {"text": "# Why\n<script>x</script>"}
    ).content.decode()
    assert "<h2>Why</h2>" in typed
    assert "<script>" not in typed
    client.post(reverse("consent-text-edit"), {"text": "# First try", "text_zh_hans": ""})
    client.post(reverse("consent-text-edit"), {"text": "# Your data", "text_zh_hans": "# 您的数据"})
    draft = client.get(reverse("consent-text-draft")).content.decode()
    assert "<h2>Your data</h2>" in draft
    assert "<h2>您的数据</h2>" in draft
    assert not consent_is_missing(admin)
    client.post(reverse("consent-text-draft"))
    text = ConsentText.objects.get()
    assert (text.version, text.published_by) == (1, admin)
    assert consent_is_missing(admin)
    # The next version starts from this one.
    assert "# Your data" in client.get(reverse("consent-text-edit")).content.decode()
    assert "<h2>Your data</h2>" in client.get(reverse("consent-text-detail", args=[1])).content.decode()
    client.get(reverse("consent-text-list"))


def test_only_admins_write(annotator, curator):
    for name in ("list", "edit", "preview", "draft"):
        url = reverse(f"consent-text-{name}")
        for user, status in ((None, 302), (annotator, 403), (curator, 403)):
            client = Client()
            if user:
                client.force_login(user)
            assert client.post(url, {"text": "x"}).status_code in (status, 405), name
            assert client.get(url).status_code in (status, 405), name
    assert not ConsentText.objects.exists()


def test_the_database_keeps_a_published_text_and_one_draft(admin):
    text = published(admin)
    for change in (
        lambda: ConsentText.objects.filter(pk=text.pk).update(text="Something else"),
        lambda: ConsentText.objects.filter(pk=text.pk).delete(),
        lambda: ConsentText.objects.bulk_create([ConsentText(version=v, text="x") for v in (8, 9)]),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()
    with pytest.raises(NothingToPublish):
        publish(text.pk, by=admin, at=timezone.now())


def test_an_acceptance_keeps_version_date_and_language_and_holds_for_that_version(admin, annotator):
    first = published(admin)
    at = timezone.now()
    record_consent(annotator, first.pk, "zh-hans", at)
    record_consent(annotator, first.pk, "", timezone.now())
    consent = annotator.consents.get()
    assert (consent.text, consent.accepted_at, consent.language) == (first, at, "zh-hans")
    assert not consent_is_missing(annotator)
    second = published(admin, "# More data")
    assert consent_is_missing(annotator)
    with pytest.raises(ConsentChanged):
        record_consent(annotator, first.pk, "", at)
    record_consent(annotator, second.pk, "", at)
    assert not consent_is_missing(annotator)


def test_asking_whether_it_is_missing_is_one_query(annotator, django_assert_num_queries):
    with django_assert_num_queries(1):
        consent_is_missing(annotator)
