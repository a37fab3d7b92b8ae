"""Logging in and out, and what of the pages' frame each role sees."""

import re

import pytest
from django.urls import reverse

from annotate.accounts.models import Role, User

pytestmark = pytest.mark.django_db


def log_in(client, name="ann", password="a-password-for-ann", **query):
    return client.post(reverse("login"), {"username": name, "password": password, **query})


def test_a_stranger_is_sent_to_log_in_and_back(client, annotator):
    response = client.get(reverse("home"))
    assert response.status_code == 302
    assert response.url == f"{reverse('login')}?next={reverse('home')}"
    assert log_in(client, next="/campaigns/5/compare/").url == "/campaigns/5/compare/"


def test_logging_in_leads_home_and_never_to_another_host(client, annotator):
    assert log_in(client, next="https://elsewhere.example/").url == reverse("home")


def test_a_wrong_password_says_so_and_logs_nobody_in(client, annotator):
    response = log_in(client, password="wrong")
    assert response.status_code == 200
    assert "correct username and password" in response.content.decode()
    assert "_auth_user_id" not in client.session


def test_the_deactivated_can_not_log_in(client, annotator):
    annotator.is_active = False
    annotator.save()
    assert log_in(client).status_code == 200
    assert "_auth_user_id" not in client.session


def test_deactivation_ends_a_session(client, annotator):
    client.force_login(annotator)
    annotator.is_active = False
    annotator.save()
    assert client.get(reverse("home")).status_code == 302


def test_whoever_is_logged_in_goes_on_to_where_she_was_going(client, annotator):
    client.force_login(annotator)
    assert client.get(reverse("login")).url == reverse("home")
    assert client.get(reverse("login"), {"next": "/campaigns/5/compare/"}).url == "/campaigns/5/compare/"


def test_logging_out_takes_a_post(client, annotator):
    client.force_login(annotator)
    assert client.get(reverse("logout")).status_code == 405
    assert client.post(reverse("logout")).url == reverse("login")
    assert "_auth_user_id" not in client.session


NAVIGATION = {
    Role.ANNOTATOR: ["Compare", "Your work"],
    Role.CURATOR: [
        "Compare",
        "Your work",
        "Data",
        "Campaigns",
        "Snapshots",
        "Runs",
        "Models",
        "Explore",
        "People",
    ],
    Role.ADMIN: [
        "Compare",
        "Your work",
        "Data",
        "Campaigns",
        "Snapshots",
        "Runs",
        "Models",
        "Explore",
        "People",
        "Django admin",
    ],
}


@pytest.mark.parametrize("role", Role)
def test_each_role_is_offered_what_it_may_open(client, role):
    client.force_login(User.objects.create_user("somebody", None, role=role))
    page = client.get(reverse("home")).content.decode()
    navigation = re.search(r'<nav class="site-nav".*?</nav>', page, re.DOTALL)[0]
    assert re.findall(r"<a [^>]*>([^<]*\S)\s*<", navigation) == NAVIGATION[role]
