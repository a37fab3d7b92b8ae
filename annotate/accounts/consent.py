"""Consent: the text that annotators accept before they compare, in versions, and who accepted which."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Max

from annotate.accounts.models import Consent, ConsentText, User


class ConsentChanged(Exception):
    """The text that she read is not the one in force any more."""


class NothingToPublish(Exception):
    """There is no draft, or it is empty, or somebody has published it already."""


def current_text(user: User) -> ConsentText | None:
    """The text in force, with `is_accepted`; None while nothing is published: then nobody has to consent."""
    return ConsentText.objects.published().with_consent_of(user).first()


def consent_is_missing(user: User) -> bool:
    """Whether she has to accept the current text before she is asked anything. One query."""
    accepted = ConsentText.objects.published().with_consent_of(user).values_list("is_accepted", flat=True)
    return accepted.first() is False


@transaction.atomic
def record_consent(user: User, text_id: int, language: str, at: datetime) -> None:
    """Keep that she accepted this version. Accepting twice keeps the first date.

    Raises ConsentChanged where another version is in force by now.
    """
    _lock(user)
    text = current_text(user)
    if text is None or text.pk != text_id:
        raise ConsentChanged
    if not text.is_accepted:
        Consent.objects.create(user=user, text=text, language=language, accepted_at=at)


def record_withdrawal(user: User, at: datetime) -> int:
    """Take back whatever she accepted; returns how many versions. In its caller's transaction."""
    _lock(user)
    return Consent.objects.filter(user=user, withdrawn_at__isnull=True).update(withdrawn_at=at)


def _lock(user: User) -> None:
    """An acceptance and a withdrawal of one person take turns."""
    User.objects.select_for_update(no_key=True).values_list("pk").get(pk=user.pk)


def draft_or_new() -> ConsentText:
    """The version that is being written: the draft, or an unsaved one that starts from what is in force."""
    draft = ConsentText.objects.filter(published_at__isnull=True).first()
    if draft is not None:
        return draft
    newest = ConsentText.objects.published().first()
    version = (ConsentText.objects.aggregate(newest=Max("version"))["newest"] or 0) + 1
    if newest is None:
        return ConsentText(version=version)
    return ConsentText(version=version, text=newest.text, text_zh_hans=newest.text_zh_hans)


@transaction.atomic
def save_draft(text: str, text_zh_hans: str) -> ConsentText:
    """Keep what is written so far. Where the draft was published meanwhile, this begins the next one."""
    drafts = ConsentText.objects.select_for_update().filter(published_at__isnull=True)
    draft = drafts.first() or ConsentText(version=draft_or_new().version)
    draft.text, draft.text_zh_hans = text, text_zh_hans
    draft.save()
    return draft


@transaction.atomic
def publish(draft_id: int, *, by: User, at: datetime) -> ConsentText:
    """Put the draft in force: everybody has to accept it before the next comparison.

    Raises NothingToPublish.
    """
    drafts = ConsentText.objects.select_for_update().filter(pk=draft_id, published_at__isnull=True)
    draft = drafts.exclude(text="").first()
    if draft is None:
        raise NothingToPublish
    draft.published_at, draft.published_by = at, by
    draft.save(update_fields=["published_at", "published_by"])
    return draft
