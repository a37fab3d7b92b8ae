"""Whoever gives a wrong password too often waits; others, elsewhere, do not."""

import pytest
from axes.models import AccessAttempt
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from annotate.accounts.signing_in import address_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def few_tries(settings):
    settings.AXES_FAILURE_LIMIT = 3


def try_to_log_in(client, password, address="192.0.2.1", name="ann"):
    return client.post(reverse("login"), {"username": name, "password": password}, REMOTE_ADDR=address)


def lock(client, **where):
    for _ in range(3):
        answer = try_to_log_in(client, "wrong", **where)
    return answer


def test_a_name_is_locked_for_one_address_for_a_while(client, annotator, settings):
    settings.CONTACT = "Ada in room 5"
    answer = lock(client)
    assert answer.status_code == 429
    page = answer.content.decode()
    assert "for 15 minutes" in page
    assert "Ada in room 5" in page
    # Also with the right password, and the time does not begin anew with each look.
    AccessAttempt.objects.update(attempt_time=timezone.now() - timezone.timedelta(minutes=10))
    for _ in range(2):
        locked = try_to_log_in(Client(), "a-password-for-ann")
        assert locked.status_code == 429
        assert "for 5 minutes" in locked.content.decode()
    # She herself, elsewhere, and others at the same address get in.
    assert try_to_log_in(Client(), "a-password-for-ann", "192.0.2.2").status_code == 302
    AccessAttempt.objects.update(attempt_time=timezone.now() - timezone.timedelta(minutes=16))
    assert try_to_log_in(Client(), "a-password-for-ann").status_code == 302


def test_others_at_the_same_address_get_in(client, annotator, curator):
    lock(client)
    assert try_to_log_in(Client(), "a-password-for-cleo", name="cleo").status_code == 302


def test_a_right_password_ends_the_counting(client, annotator):
    for _ in range(2):
        try_to_log_in(client, "wrong")
    try_to_log_in(client, "a-password-for-ann")
    assert not AccessAttempt.objects.exists()


def test_no_password_is_kept_of_a_failure(client, annotator):
    try_to_log_in(client, "nearly-my-password")
    assert "nearly-my-password" not in str(AccessAttempt.objects.values().get())


def test_an_admin_sees_it_and_unlocks(client, annotator, admin):
    lock(client)
    client.force_login(admin)
    assert "locked until" in client.get(reverse("person-list")).content.decode()
    assert "Unlock now" in client.get(reverse("person-detail", args=[annotator.pk])).content.decode()
    client.post(reverse("person-unlock", args=[annotator.pk]))
    assert "locked until" not in client.get(reverse("person-list")).content.decode()
    assert try_to_log_in(Client(), "a-password-for-ann").status_code == 302


@pytest.mark.parametrize(
    ("proxies", "header", "expected"),
    [
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.7, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.7, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (2, "203.0.113.9", "192.0.2.1"),
        (1, "", "192.0.2.1"),
        (1, "nonsense", "192.0.2.1"),
    ],
)
def test_the_address_is_the_one_that_the_outermost_proxy_vouches_for(settings, proxies, header, expected):
    settings.PROXIES = proxies
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", headers={"X-Forwarded-For": header})
    assert address_of(request) == expected
