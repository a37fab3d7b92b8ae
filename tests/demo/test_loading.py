"""The demo, smaller: what a visitor finds, and that loading it again changes nothing."""

import pytest
from django.core.management import call_command

from annotate.accounts.models import User
from annotate.campaigns.models import Bracket, Campaign
from annotate.demo import loading
from annotate.faces.models import Dataset, Face
from annotate.training.models import Run, RunState, Snapshot


@pytest.fixture
def small(monkeypatch, settings, tmp_path):
    settings.STATE_DIR, settings.SNAPSHOTS_DIR = tmp_path, tmp_path / "snapshots"
    monkeypatch.setattr(loading, "PEOPLE", 15)
    monkeypatch.setattr(loading, "EXPRESSIONS", 8)
    monkeypatch.setattr(loading, "TRIPLETS", {"train": 700, "val": 60})
    monkeypatch.setattr(loading, "GROUPS", 2)


def test_loading(transactional_db, small, client, capsys):
    steps = []
    run = loading.load_demo(lambda *step: steps.append(step))
    assert run.state == RunState.QUEUED
    assert Snapshot.objects.get().validates, "its versions are comparable from the first on"
    assert {doing.split()[0] for doing, _, _ in steps} == {"drawing", "importing", "simulating", "freezing"}
    assert all(0 <= done <= total for _, done, total in steps)
    assert Face.objects.exclude(identity="").exclude(expression="").count() == Face.objects.count() > 100
    assert set(Face.objects.values_list("split", flat=True)) == {"train", "val"}
    finished = Bracket.objects.filter(finished_at__isnull=False)
    assert set(finished.values_list("repetition", flat=True)) <= {1, 2}
    assert finished.count() >= 3
    for name, password in loading.logins().items():
        assert client.login(username=name, password=password)
        assert User.objects.get(username=name).role == loading.LOGINS[name]
    assert loading.logins_file().stat().st_mode & 0o077 == 0

    counts = [m.objects.count() for m in (Dataset, Face, Campaign, Snapshot, Run, User)]
    assert loading.load_demo(lambda *step: None) is None
    assert counts == [m.objects.count() for m in (Dataset, Face, Campaign, Snapshot, Run, User)]
    call_command("load_demo", "--logins")
    assert loading.logins()["admin"] in capsys.readouterr().out
