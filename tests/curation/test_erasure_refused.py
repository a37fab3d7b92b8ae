"""What an erasure is refused for, in code and on the command line."""

import pytest
from django.core.management import CommandError, call_command

from annotate.curation.erasing import ErasureRefused
from annotate.faces.models import Face
from tests.curation.erasing import PERSON, ask


def test_what_is_refused_and_the_command(world, admin, monkeypatch, capsys):
    for changes, why in (
        ({"reason": " "}, "Say why"),
        ({"reason": f"{PERSON.lower()} asked for it"}, "must not name"),
        ({"identity": "nobody"}, "no such face"),
    ):
        with pytest.raises(ErasureRefused, match=why):
            ask(world, admin, **changes)
    alone = Face.objects.exclude(identity=PERSON).first()
    erasure = ask(world, admin, identity="", face_ids=[alone.pk])
    with pytest.raises(ErasureRefused, match="Another erasure"):
        ask(world, admin)
    with pytest.raises(CommandError, match="--go-on"):
        call_command("erase_person", dataset="lab", identity=PERSON, reason="request 7")
    call_command("erase_person", dataset="lab", go_on=True)
    erasure.refresh_from_db()
    assert (erasure.state, Face.objects.filter(pk=alone.pk).exists()) == ("done", False)

    monkeypatch.setattr("builtins.input", lambda question: "yes")
    with pytest.raises(CommandError, match="Nothing was erased"):
        call_command("erase_person", dataset="lab", identity=PERSON, reason="request 7")
    assert world.hers.count() == 2
    monkeypatch.setattr("builtins.input", lambda question: PERSON)
    call_command("erase_person", dataset="lab", identity=PERSON, reason="request 7")
    assert not world.hers.exists()
    assert "2 faces" in capsys.readouterr().out
