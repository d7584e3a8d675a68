# `make demo` runs the main job, `make test` passes every gate; each sets itself up first.
# A stamp holds the hash of what an environment was made from, so that second runs start at once.

PYTHON ?= python3.11
ifeq (, $(shell command -v $(PYTHON) 2>/dev/null))
PYTHON := python3
endif

VENV := .venv
WHEEL_VENV := .venv-wheel
PLUGIN_VENV := .venv-plugin
PLUGIN := docs/examples/plugin-parcelwise
BIN := $(VENV)/bin
DEPENDENCIES := pyproject.toml constraints.txt
CODE := returns_hub adapters tests docs
PIP := -m pip --disable-pip-version-check --no-input -q
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test setup lint types imports unit wheel-test plugin-test cassettes docs docs-check coverage bench format lock clean

help:  ## What there is to run.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

demo: setup  ## The whole story, offline: a simulated vendor, a sync into SQLite, the table, the change.
	@$(BIN)/returns-hub demo

test: lint types imports cassettes coverage wheel-test plugin-test docs  ## Every gate.
	@echo "all gates passed"

setup: $(VENV)/.ready

$(VENV)/.ready: $(DEPENDENCIES)
	@echo "setting up $(VENV) (once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@

lint: setup  ## Style and formatting.
	@$(BIN)/ruff check --no-cache --quiet $(CODE)
	@$(BIN)/ruff format --quiet --check $(CODE)

types: setup  ## mypy --strict over everything, pyright over what users import.
	@$(BIN)/mypy --no-error-summary
	@PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright --warnings

imports: setup  ## Each floor of the house imports only what is above it.
	@$(BIN)/lint-imports --no-cache >.lint-imports.log 2>&1 || { cat .lint-imports.log; exit 1; }
	@rm -f .lint-imports.log

cassettes: setup  ## No secret and no personal datum in any cassette.
	@$(BIN)/python -m returns_hub.testing.cassettes cassettes

unit: setup  ## The tests, against the working tree.
	@$(BIN)/pytest -q -n $(JOBS)

coverage: setup  ## The tests, and how much of the code they run.
	@$(BIN)/pytest -q -n $(JOBS) -p no:returns_hub --cov --cov-report=term --cov-fail-under=90

# The same tests once more, against what users install: the built wheel in an environment of its own.
wheel-test: setup $(WHEEL_VENV)/.ready  ## The tests, against the built wheel.
	@rm -rf dist
	@$(BIN)/python -m build --no-isolation --wheel --outdir dist . >.build.log 2>&1 || { cat .build.log; exit 1; }
	@rm -f .build.log
	@$(WHEEL_VENV)/bin/python $(PIP) install --no-deps --force-reinstall dist/*.whl
	@RETURNS_HUB_EXPECT_WHEEL=1 $(WHEEL_VENV)/bin/pytest -q -n $(JOBS) -p no:cacheprovider

$(WHEEL_VENV)/.ready: $(DEPENDENCIES)
	@echo "setting up $(WHEEL_VENV) (once)"
	@test -x $(WHEEL_VENV)/bin/python || $(PYTHON) -m venv $(WHEEL_VENV)
	@$(WHEEL_VENV)/bin/python $(PIP) install -c constraints.txt '.[all,testing]' django fastapi flask opentelemetry-sdk pytest-xdist
	@touch $@

# A stranger's adapter, in an environment that has never seen this tree: both come as wheels.
plugin-test: wheel-test $(PLUGIN_VENV)/.ready  ## The example plugin, beside the built wheel.
	@rm -rf dist/plugin
	@$(BIN)/python -m build --no-isolation --wheel --outdir dist/plugin $(PLUGIN) >.build.log 2>&1 || { cat .build.log; exit 1; }
	@rm -f .build.log
	@$(PLUGIN_VENV)/bin/python $(PIP) install --no-deps --force-reinstall dist/*.whl dist/plugin/*.whl
	@cd $(PLUGIN) && $(CURDIR)/$(PLUGIN_VENV)/bin/returns-hub check-adapter parcelwise
	@cd $(PLUGIN) && $(CURDIR)/$(PLUGIN_VENV)/bin/pytest -q -p no:cacheprovider

$(PLUGIN_VENV)/.ready: $(DEPENDENCIES)
	@echo "setting up $(PLUGIN_VENV) (once)"
	@test -x $(PLUGIN_VENV)/bin/python || $(PYTHON) -m venv $(PLUGIN_VENV)
	@$(PLUGIN_VENV)/bin/python $(PIP) install -c constraints.txt '.[cli,testing]'
	@touch $@

docs: setup  ## The documentation site, warnings as errors.
	@$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html

# Campaigns that take an hour are run by name: mutation, reliability_*, hostile_senders, return_helper_backfill.
bench: setup  ## Every benchmark, as ratios in one run.
	@for script in $(filter-out $(wildcard tests/benchmarks/mutation.py tests/benchmarks/reliability_*.py tests/benchmarks/hostile_senders.py tests/benchmarks/return_helper_backfill.py),$(wildcard tests/benchmarks/*.py)); do echo "== $$script"; $(BIN)/python $$script || exit 1; done

format: setup  ## Put the code into shape.
	@$(BIN)/ruff check --quiet --fix $(CODE)
	@$(BIN)/ruff format --quiet $(CODE)

lock:  ## Write constraints.txt anew from what pyproject.toml allows today.
	@rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	@.venv-lock/bin/python $(PIP) install -e '.[dev]'
	@{ echo "# What both environments are made of; written by 'make lock'."; \
	   .venv-lock/bin/python -m pip --disable-pip-version-check freeze --exclude-editable; } > constraints.txt
	@rm -rf .venv-lock

clean:  ## Remove everything that was made.
	@rm -rf $(VENV) $(WHEEL_VENV) $(PLUGIN_VENV) dist docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
