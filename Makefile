# Two commands do everything: `make demo` and `make test`. The rest are their parts.
# Python 3.11 or newer is all that must be there; PYTHON names another interpreter.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo run setup test lint bench clean

demo: .venv/installed            ## everything, with drawn faces to try it on
	@$(BIN)/python -m config.supervisor --demo

run: .venv/installed             ## everything, without the demo's data
	@$(BIN)/python -m config.supervisor

setup: .venv/installed-dev       ## only the installs
	@$(BIN)/python -m tests.browser.chromium

test: .venv/installed-dev
	@$(BIN)/python -m tests.browser.chromium
	@$(BIN)/python -m pytest

lint: .venv/installed-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python manage.py makemigrations --check --dry-run

bench: .venv/installed-dev       ## measures; see docs/results.md
	@$(BIN)/python -m pytest tests/benchmarks -m benchmark -s

clean:                           ## removes the installs, not what is in var/
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/bin/uv:
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check uv==0.13.9

.venv/installed: requirements.txt constraints.txt | .venv/bin/uv
	$(BIN)/uv pip install --python $(BIN)/python -r requirements.txt -c constraints.txt
	@touch $@

.venv/installed-dev: requirements.txt requirements-dev.txt constraints.txt | .venv/bin/uv
	$(BIN)/uv pip install --python $(BIN)/python -r requirements-dev.txt -c constraints.txt
	@touch $@ .venv/installed
