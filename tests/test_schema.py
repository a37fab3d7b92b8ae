"""The OpenAPI schema in docs/ is the one that the code gives."""

from django.core.management import call_command

from config.environment import BASE_DIR


def test_the_committed_schema_is_up_to_date(tmp_path):
    fresh = tmp_path / "openapi.yaml"
    call_command("spectacular", file=str(fresh), validate=True, fail_on_warn=True)
    committed = BASE_DIR / "docs" / "openapi.yaml"
    assert committed.read_text() == fresh.read_text(), (
        "run: .venv/bin/python manage.py spectacular --validate --file docs/openapi.yaml"
    )
