"""API tokens: made once, kept as a hash, ended by time, by their owner, and with her account."""

from datetime import timedelta

import pytest
import yaml
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotate.accounts.authentication import create_token
from annotate.accounts.models import ApiToken

pytestmark = pytest.mark.django_db
A_DAY = timedelta(days=1)


def ask(secret, url="/api/schema/"):
    return Client().get(url, headers={"Authorization": f"Bearer {secret}"})


def test_a_token_is_shown_once_and_kept_as_a_hash(client, annotator):
    client.force_login(annotator)
    page = client.post(reverse("token-list"), {"name": "nightly export", "days": 30})
    secret = page.context["secret"]
    assert secret.startswith("smb_")
    token = ApiToken.objects.get()
    assert secret not in str(ApiToken.objects.values().get())
    assert A_DAY * 29 < token.expiry - timezone.now() < A_DAY * 30
    again = client.get(reverse("token-list")).content.decode()
    assert secret not in again
    assert "nightly export" in again
    assert ask(secret).status_code == 200
    token.refresh_from_db()
    assert timezone.now() - token.used_at < A_DAY


def test_a_script_needs_no_csrf_token_and_has_its_owners_role(annotator):
    _, secret = create_token(annotator, "script", A_DAY)
    strict = Client(enforce_csrf_checks=True)
    headers = {"Authorization": f"Bearer {secret}"}
    assert strict.post("/api/campaigns/1/leases", {}, "application/json", headers=headers).status_code == 404
    # Pages are for people who are logged in.
    assert strict.get(reverse("person-list"), headers=headers).status_code == 302


@pytest.mark.parametrize("how", ["expired", "revoked", "deactivated", "made up"])
def test_what_stops_a_token(client, annotator, how):
    token, secret = create_token(annotator, "script", A_DAY)
    if how == "expired":
        ApiToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))
    elif how == "revoked":
        client.force_login(annotator)
        client.post(reverse("token-revoke", args=[token.pk]))
    elif how == "deactivated":
        annotator.is_active = False
        annotator.save()
    else:
        secret = secret[:-1] + ("0" if secret[-1] != "0" else "1")
    answer = ask(secret)
    assert answer.status_code == 403
    assert b"detail" in answer.content


def test_nobody_sees_or_revokes_anothers(client, annotator, admin):
    token, _ = create_token(annotator, "hers alone", A_DAY)
    client.force_login(admin)
    assert "hers alone" not in client.get(reverse("token-list")).content.decode()
    assert client.post(reverse("token-revoke", args=[token.pk])).status_code == 404
    assert Client().get(reverse("token-list")).status_code == 302


def test_the_schema_tells_of_them(client, annotator):
    client.force_login(annotator)
    schema = yaml.safe_load(client.get("/api/schema/").content)
    assert schema["components"]["securitySchemes"]["apiToken"]["scheme"] == "bearer"
    assert {"apiToken": []} in schema["paths"]["/api/votes"]["post"]["security"]
