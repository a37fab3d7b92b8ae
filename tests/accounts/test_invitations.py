"""Nobody registers without an invitation; each lets in as many as it says, of its role, while it is open."""

import re
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotate.accounts.invitations import InvitationClosed, find, invite, register
from annotate.accounts.models import Invitation, Role, User

GOOD = {"username": "nora", "password1": "a-password-for-nora", "password2": "a-password-for-nora"}


@pytest.fixture
def now():
    return timezone.now()


def an_invitation(by, *, role=Role.ANNOTATOR, uses=1, days=7, at=None):
    return invite(
        by, role=role, note="for Nora", uses=uses, lasts=timedelta(days=days), at=at or timezone.now()
    )


def test_an_admin_makes_a_link_that_is_shown_once_and_kept_as_a_hash(client, admin):
    client.force_login(admin)
    page = client.post(
        reverse("invitation-list"), {"role": "curator", "note": "for Nora", "uses": 2, "days": 3}
    ).content.decode()
    token = re.search(r'value="http://testserver/join/([\w-]+)/"', page)[1]
    invitation = Invitation.objects.get()
    assert (invitation.role, invitation.note, invitation.uses) == (Role.CURATOR, "for Nora", 2)
    assert timedelta(days=2) < invitation.expires_at - timezone.now() < timedelta(days=3)
    assert token not in str(Invitation.objects.values().get())
    assert find(token) == invitation
    again = client.get(reverse("invitation-list")).content.decode()
    assert token not in again
    assert "for Nora" in again


def test_a_stranger_chooses_name_and_password_and_is_in(client, admin):
    invitation, token = an_invitation(admin, role=Role.CURATOR)
    assert "You are invited" in client.get(reverse("join", args=[token])).content.decode()
    assert client.post(reverse("join", args=[token]), GOOD).url == reverse("home")
    nora = User.objects.get(username="nora")
    assert client.session["_auth_user_id"] == str(nora.pk)
    assert (nora.role, nora.invitation) == (Role.CURATOR, invitation)
    assert nora.check_password("a-password-for-nora")
    another = Client().get(reverse("join", args=[token]))
    assert another.status_code == 410
    assert "used already" in another.content.decode()
    client.force_login(admin)
    assert "nora" in client.get(reverse("invitation-list")).content.decode()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"password1": "nora", "password2": "nora"}, "too short"),
        ({"password1": "password1", "password2": "password1"}, "too common"),
        ({"password2": "another-password"}, "match"),
        ({"username": "ANN"}, "Somebody has this name already"),
        ({"username": "a b"}, "valid username"),
    ],
)
def test_what_is_wrong_is_said_and_uses_nothing_up(client, admin, annotator, wrong, says):
    _, token = an_invitation(admin)
    answer = client.post(reverse("join", args=[token]), {**GOOD, **wrong})
    assert answer.status_code == 200
    assert says in answer.content.decode()
    assert Invitation.objects.get().used == 0
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(
    ("closed", "status", "says"),
    [
        ({"revoked_at": timezone.now()}, 410, "taken back"),
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, 410, "time is over"),
        ({"token_hash": "0" * 64}, 404, "copy the whole link"),
    ],
)
def test_a_closed_one_lets_nobody_in_and_says_why(client, admin, closed, status, says):
    _, token = an_invitation(admin)
    Invitation.objects.update(**closed)
    for answer in (
        client.get(reverse("join", args=[token])),
        client.post(reverse("join", args=[token]), GOOD),
    ):
        assert answer.status_code == status
        assert says in answer.content.decode()
    assert not User.objects.filter(username="nora").exists()


def test_whoever_is_logged_in_makes_no_second_account(client, admin, annotator):
    _, token = an_invitation(admin)
    client.force_login(annotator)
    assert "logged in already" in client.post(reverse("join", args=[token]), GOOD).content.decode()
    assert Invitation.objects.get().used == 0


@pytest.mark.django_db(transaction=True)
def test_the_last_use_taken_by_several_at_once_makes_one_account(admin):
    _, token = an_invitation(admin, uses=2)
    register(token, username="first", password="x", email="", at=timezone.now())
    barrier, came, closed = threading.Barrier(6), [], []

    def take(name):
        barrier.wait()
        try:
            came.append(register(token, username=name, password="x", email="", at=timezone.now()))
        except InvitationClosed:
            closed.append(name)
        finally:
            connection.close()

    threads = [threading.Thread(target=take, args=[f"n{number}"]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(came), len(closed)) == (1, 5)
    assert Invitation.objects.get().used == 2
    assert User.objects.filter(invitation__isnull=False).count() == 2


def test_a_curator_invites_annotators_only_and_sees_no_others(client, admin, curator):
    an_invitation(admin, role=Role.ADMIN)
    client.force_login(curator)
    page = client.get(reverse("invitation-list")).content.decode()
    assert "for Nora" not in page
    assert 'value="admin"' not in page
    client.post(reverse("invitation-list"), {"role": "admin", "uses": 1, "days": 1})
    assert Invitation.objects.count() == 1
    client.post(reverse("invitation-list"), {"role": "annotator", "uses": 1, "days": 1})
    assert Invitation.objects.filter(role=Role.ANNOTATOR, created_by=curator).count() == 1


def test_revoking(client, admin, curator):
    theirs, _ = an_invitation(admin)
    admins, _ = an_invitation(admin, role=Role.ADMIN)
    client.force_login(curator)
    assert client.post(reverse("invitation-revoke", args=[theirs.pk])).status_code == 302
    assert client.post(reverse("invitation-revoke", args=[admins.pk])).status_code == 404
    assert list(Invitation.objects.open(timezone.now())) == [admins]


def test_strangers_and_annotators_do_not_invite(client, annotator):
    assert client.get(reverse("invitation-list")).status_code == 302
    client.force_login(annotator)
    assert client.get(reverse("invitation-list")).status_code == 403
    assert client.post(reverse("invitation-revoke", args=[1])).status_code == 403
