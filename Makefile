# Two commands do everything: `make demo` and `make test`. The rest are their parts; `make help` lists them.
# What must be there: make, and Python 3.11 or newer (PYTHON=/path/to/python names one).

PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin

.PHONY: help demo run setup test test-long test-faults lint screenshots bench clean

help:                            ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: .venv/installed            ## everything, with drawn faces to try it on
	@$(BIN)/python -m config.supervisor --demo

run: .venv/installed             ## everything, without the demo's data
	@$(BIN)/python -m config.supervisor

setup: .venv/installed-dev       ## only the installs: what running and checking need, and Chromium
	@$(BIN)/python -m tests.browser.chromium

test: .venv/installed-dev        ## every test, with engines and a browser of its own
	@$(BIN)/python -m tests.browser.chromium
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

test-long: .venv/installed-dev   ## what takes a minute each and is left out of test
	@$(BIN)/python -m tests.browser.chromium
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile -m long $(PYTEST_ARGS)

test-faults: .venv/installed-dev ## kills training, workers and Redis in a whole installation; a quarter of an hour
	@$(BIN)/python -m pytest -m faults $(PYTEST_ARGS)

lint: .venv/installed-dev        ## style, types, and whether a migration is missing
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python manage.py makemigrations --check --dry-run

screenshots: .venv/installed-dev ## docs/screenshots anew, every page of a demo of its own; a few minutes
	@$(BIN)/python -m tests.browser.chromium
	@$(BIN)/python -m tests.browser.screenshots

bench: .venv/installed-dev       ## measures; see docs/results.md
	@$(BIN)/python -m pytest tests/benchmarks -m benchmark -s

clean:                           ## removes the installs, not what is in var/
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/bin/uv:
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Semblance needs Python 3.11 or newer$(if $(PYTHON),; $(PYTHON) is not)." \
			"Install one, or say where it is: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check uv==0.13.9

.venv/installed: requirements.txt constraints.txt | .venv/bin/uv
	$(BIN)/uv pip install --python $(BIN)/python -r requirements.txt -c constraints.txt
	@touch $@

.venv/installed-dev: requirements.txt requirements-dev.txt constraints.txt | .venv/bin/uv
	$(BIN)/uv pip install --python $(BIN)/python -r requirements-dev.txt -c constraints.txt
	@touch $@ .venv/installed
