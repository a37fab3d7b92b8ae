"""What admins do about people, what it ends, and that no installation is left without an admin."""

import threading

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotate.accounts.authentication import create_token
from annotate.accounts.models import ApiToken, Invitation, Role, User
from annotate.accounts.people import LastAdmin, OwnAccount, PeopleRefused, change_role, deactivate
from annotate.accounts.people_views import SHOWN
from tests.accounts.test_invitations import an_invitation

A_DAY = timezone.timedelta(days=1)


@pytest.fixture
def as_admin(client, admin):
    client.force_login(admin)
    return client


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


def names(page):
    return [row["user"].username for row in page.context["rows"]]


def test_people_are_found_by_name_role_and_state(as_admin, annotator, curator, admin):
    User.objects.create(username="gone", is_active=False)
    everybody = as_admin.get(reverse("person-list"))
    assert names(everybody) == ["ada", "ann", "cleo", "gone"]
    assert names(as_admin.get(reverse("person-list"), {"q": "AN"})) == ["ann"]
    assert names(as_admin.get(reverse("person-list"), {"role": "curator"})) == ["cleo"]
    assert names(as_admin.get(reverse("person-list"), {"state": "deactivated"})) == ["gone"]
    assert names(as_admin.get(reverse("person-list"), {"role": "nonsense"})) == names(everybody)
    assert "Nobody like that" in as_admin.get(reverse("person-list"), {"q": "zz"}).content.decode()


def test_many_people_come_in_pages_at_the_same_cost(as_admin, django_assert_max_num_queries):
    User.objects.bulk_create(User(username=f"p{number:03}") for number in range(SHOWN + 5))
    with django_assert_max_num_queries(5):
        first = as_admin.get(reverse("person-list"), {"q": "p"})
    assert len(names(first)) == SHOWN
    rest = as_admin.get(f"{reverse('person-list')}?{first.context['following']}")
    assert names(rest) == [f"p{number:03}" for number in range(SHOWN, SHOWN + 5)]
    assert rest.context["following"] is None


def test_who_may_open_what(client, annotator, curator, admin):
    pages = {
        "person-list": ("get", [], 200), "person-detail": ("get", [annotator.pk], 403),
        "person-role": ("post", [annotator.pk], 403), "person-active": ("post", [annotator.pk], 403),
        "person-reset-link": ("post", [annotator.pk], 403), "person-unlock": ("post", [annotator.pk], 403),
    }  # fmt: skip
    for name, (method, arguments, for_curators) in pages.items():
        url = reverse(name, args=arguments)
        assert getattr(Client(), method)(url).status_code == 302, name
        assert getattr(client_of(annotator), method)(url).status_code == 403, name
        assert getattr(client_of(curator), method)(url).status_code == for_curators, name
    page = client_of(curator).get(reverse("person-list")).content.decode()
    assert reverse("person-detail", args=[annotator.pk]) not in page
    annotator.refresh_from_db()
    assert (annotator.role, annotator.is_active) == (Role.ANNOTATOR, True)


def test_a_role_changes_at_once(as_admin, curator):
    theirs = client_of(curator)
    invitation, _ = an_invitation(curator)
    as_admin.post(reverse("person-role", args=[curator.pk]), {"role": "annotator"})
    assert theirs.get(reverse("person-list")).status_code == 403
    invitation.refresh_from_db()
    assert invitation.revoked_at


def test_deactivation_ends_sessions_tokens_and_invitations_and_keeps_the_account(as_admin, curator):
    theirs = client_of(curator)
    an_invitation(curator)
    _, secret = create_token(curator, "script", A_DAY)
    as_admin.post(reverse("person-active", args=[curator.pk]), {"active": "false"})
    assert theirs.get(reverse("home")).status_code == 302
    assert not Invitation.objects.open(timezone.now()).exists()
    assert not ApiToken.objects.exists()
    assert not Client().login(username="cleo", password="a-password-for-cleo")
    # What was ended stays so where she is let in again.
    as_admin.post(reverse("person-active", args=[curator.pk]), {"active": "true"})
    assert theirs.get(reverse("home")).status_code == 302
    schema = Client().get("/api/schema/", headers={"Authorization": f"Bearer {secret}"})
    assert schema.status_code == 403
    assert Client().login(username="cleo", password="a-password-for-cleo")


def test_nobody_changes_her_own_role_and_the_last_admin_stays(as_admin, admin, annotator):
    at = timezone.now()
    with pytest.raises(OwnAccount):
        deactivate(admin.pk, by=admin, at=at)
    with pytest.raises(LastAdmin):
        deactivate(admin.pk, by=annotator, at=at)
    with pytest.raises(LastAdmin):
        change_role(admin.pk, Role.CURATOR, by=annotator, at=at)
    page = as_admin.post(reverse("person-active", args=[admin.pk]), {"active": "false"}, follow=True)
    assert "your own account" in page.content.decode()
    assert User.objects.active_admins().get() == admin
    # One who is not active counts for nothing.
    User.objects.create(username="old", role=Role.ADMIN, is_active=False)
    with pytest.raises(LastAdmin):
        change_role(admin.pk, Role.CURATOR, by=annotator, at=at)


@pytest.mark.django_db(transaction=True)
def test_admins_who_shut_each_other_out_at_once_leave_one(admin):
    other = User.objects.create_user("bea", None, role=Role.ADMIN)
    barrier, refused = threading.Barrier(2), []

    def shut_out(whom, by):
        barrier.wait()
        try:
            deactivate(whom.pk, by=by, at=timezone.now())
        except PeopleRefused as refusal:
            refused.append(refusal)
        finally:
            connection.close()

    threads = [threading.Thread(target=shut_out, args=pair) for pair in ((admin, other), (other, admin))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert User.objects.active_admins().count() == 1
    assert len(refused) == 1


def test_djangos_admin_keeps_to_the_same_rules(as_admin, curator):
    theirs = client_of(curator)
    page = reverse("admin:accounts_user_change", args=[curator.pk])
    as_admin.post(page, {"username": "cleo", "role": Role.CURATOR})
    curator.refresh_from_db()
    assert (curator.is_active, curator.sessions_ended) == (False, 1)
    as_admin.post(page, {"username": "cleo", "role": Role.CURATOR, "is_active": "on"})
    assert theirs.get(reverse("home")).status_code == 302


def test_a_reset_link_sets_a_password_once_and_ends_sessions(as_admin, annotator):
    theirs = client_of(annotator)
    annotator.refresh_from_db()
    page = as_admin.post(reverse("person-reset-link", args=[annotator.pk]))
    link = page.context["reset_link"]
    stranger = Client()
    form = stranger.get(link, follow=True)
    new = {"new_password1": "quite-another-one", "new_password2": "quite-another-one"}
    stranger.post(form.request["PATH_INFO"], new)
    annotator.refresh_from_db()
    assert annotator.check_password("quite-another-one")
    assert stranger.session["_auth_user_id"] == str(annotator.pk)
    assert theirs.get(reverse("home")).status_code == 302
    assert "does not work any more" in Client().get(link, follow=True).content.decode()


def test_the_deactivated_get_no_reset_link_and_an_older_one_is_of_no_use(as_admin, annotator):
    link = as_admin.post(reverse("person-reset-link", args=[annotator.pk])).context["reset_link"]
    as_admin.post(reverse("person-active", args=[annotator.pk]), {"active": "false"})
    assert as_admin.post(reverse("person-reset-link", args=[annotator.pk])).status_code == 302
    assert "does not work any more" in Client().get(link, follow=True).content.decode()


def test_changing_ones_own_password_ends_the_other_sessions(annotator):
    here, elsewhere = client_of(annotator), client_of(annotator)
    old = "a-password-for-ann"
    new = {"new_password1": "quite-another-one", "new_password2": "quite-another-one"}
    assert here.post(reverse("password_change"), {"old_password": "wrong", **new}).status_code == 200
    assert here.post(reverse("password_change"), {"old_password": old, **new}).url == reverse("account")
    assert here.get(reverse("account")).status_code == 200
    assert elsewhere.get(reverse("account")).status_code == 302


def test_a_forgotten_password_by_e_mail_where_a_server_is_configured(client, annotator, settings, mailoutbox):
    assert client.get(reverse("password_reset")).status_code == 404
    assert "forgotten? Ask" not in client.get(reverse("login")).content.decode()
    settings.EMAIL_HOST, settings.CONTACT = "mail.example.org", "Ada in room 5"
    page = client.get(reverse("login")).content.decode()
    assert reverse("password_reset") in page
    assert "Ada in room 5" in page
    theirs = client_of(annotator)
    theirs.post(reverse("account"), {"email": "ann@example.org"})
    for address in ("ann@example.org", "nobody@example.org"):
        assert client.post(reverse("password_reset"), {"email": address}).url == reverse(
            "password_reset_done"
        )
    [mail] = mailoutbox
    assert mail.to == ["ann@example.org"]
    assert "Hello ann" in mail.body
    link = next(line for line in mail.body.splitlines() if line.startswith("http"))
    assert "A new password" in client.get(link, follow=True).content.decode()


def test_when_she_was_last_seen_is_noted_once_in_a_while(client, annotator, django_assert_num_queries):
    client.force_login(annotator)
    long_ago = timezone.now() - A_DAY
    User.objects.update(last_login=long_ago, seen_at=long_ago)
    client.get(reverse("account"))
    annotator.refresh_from_db()
    assert timezone.now() - annotator.last_seen < A_DAY / 24
    with django_assert_num_queries(3):  # the session, the user, the consent text
        client.get(reverse("account"))
