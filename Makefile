# `make demo` runs the main job, `make test` passes every gate; each sets itself up first.
# A stamp holds the hash of what an environment was made from, so that second runs start at once.

PYTHON ?= python3.11
ifeq (, $(shell command -v $(PYTHON) 2>/dev/null))
PYTHON := python3
endif

VENV := .venv
WHEEL_VENV := .venv-wheel
PLUGIN := docs/examples/plugin-parcelwise
BIN := $(VENV)/bin
DEPENDENCIES := pyproject.toml constraints.txt
CODE := returns_hub adapters tests docs
PIP := -m pip --disable-pip-version-check --no-input -q
# One more than there are cores: some tests wait.
JOBS ?= $(shell echo $$(( $$(nproc 2>/dev/null || echo 2) + 1 )))
# What gates say that run at the same time is printed one after the other, by a make that can (4.0).
APART := $(if $(filter output-sync,$(.FEATURES)),--output-sync=line)
# What runs for minutes or hours, and is no benchmark.
CAMPAIGNS := mutation conformance_mutants return_helper_backfill hostile_senders further_vendors signature_attacks reliability_kills reliability_failures reliability_crowd reliability_pgbouncer reliability_hangs proxies

# The tests start hundreds of processes: without its bytecode each would compile the library anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo test setup lint types imports cassettes coverage browser browser-where-there-is-one wheel docs bench campaigns format lock clean

help:  ## What there is to run.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

demo: setup  ## The whole story, offline: a simulated vendor, a sync into SQLite, the table, the change.
	@$(BIN)/returns-hub demo

test: setup  ## Every gate, two at a time: the tests beside all the others.
	@echo "ten minutes or so; what a gate prints comes when it ends, the tests' at last"
	@$(MAKE) --no-print-directory -j2 $(APART) coverage wheel types docs lint imports cassettes browser-where-there-is-one
	@echo "all gates passed"

setup: $(VENV)/.ready

$(VENV)/.ready: $(DEPENDENCIES)
	@echo "setting up $(VENV) (once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(PIP) install -c constraints.txt -e '.[dev]'
	@$(BIN)/python -m compileall -q returns_hub adapters
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

coverage: setup  ## The tests, and how much of the code they run.
	@$(BIN)/pytest -q -n $(JOBS) --dist worksteal -p no:returns_hub -m "not browser" --cov --cov-report=term --cov-fail-under=90

# The rest of the tests needs no browser; these need Chromium, and Playwright brings none.
browser: setup  ## The console in Chromium, which is installed where it is missing and may be.
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } \
	   || echo "Chromium is missing and cannot be installed here: as root, apt-get install chromium"
	@$(MAKE) --no-print-directory browser-where-there-is-one

browser-where-there-is-one: setup
	@if command -v chromium >/dev/null; then $(BIN)/pytest -q -m browser tests/console; \
	   else echo "the console was not tried in a browser: there is no Chromium (make browser)"; fi

# What users install, in an environment that has never seen this tree: the library and a stranger's plugin, both as wheels.
wheel: setup  ## The built wheel: its dependencies, entry points, types, a sync, a webhook, the demo, a plugin's conformance.
	@rm -rf dist
	@for project in . $(PLUGIN); do \
	   $(BIN)/python -m build --no-isolation --wheel --outdir dist $$project >.build.log 2>&1 || { cat .build.log; exit 1; }; \
	done; rm -f .build.log
	@test -x $(WHEEL_VENV)/bin/python || $(PYTHON) -m venv $(WHEEL_VENV)
	@$(WHEEL_VENV)/bin/python $(PIP) install -c constraints.txt "$$(ls dist/returns_hub-*.whl)[cli,oauth,testing]"
	@$(WHEEL_VENV)/bin/python $(PIP) install --no-deps --force-reinstall dist/*.whl
	@RETURNS_HUB_EXPECT_WHEEL=1 $(WHEEL_VENV)/bin/pytest -q -p no:cacheprovider tests/wheel
	@cd tests/wheel/project && $(CURDIR)/$(BIN)/mypy --config-file= --strict --no-error-summary --cache-dir=/dev/null \
	   --python-executable $(CURDIR)/$(WHEEL_VENV)/bin/python shop.py
	@cd $(PLUGIN) && $(CURDIR)/$(WHEEL_VENV)/bin/returns-hub check-adapter parcelwise
	@cd $(PLUGIN) && $(CURDIR)/$(WHEEL_VENV)/bin/pytest -q -p no:cacheprovider -k "not TestParcelWise"

docs: setup  ## The documentation site, warnings as errors.
	@$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html

bench: $(VENV)/.bench  ## Every benchmark, an hour; writes the tables and the picture of docs/measured. Some: ONLY="growth by_hand".
	@$(BIN)/python tests/benchmarks/run.py $(ONLY)

# dlt and what else they are measured beside is large, and nothing else needs it.
$(VENV)/.bench: $(DEPENDENCIES) | setup
	@$(BIN)/python $(PIP) install -c constraints.txt -e '.[dev,bench]'
	@touch $@

campaigns: setup  ## Hours: faults in the code, kills at every point, hostile senders, long backfills, many examples.
	@HYPOTHESIS_PROFILE=campaign $(BIN)/pytest -q -n $(JOBS) --dist worksteal -m "hypothesis or campaign"
	@for name in $(CAMPAIGNS); do echo "== $$name"; $(BIN)/python tests/benchmarks/$$name.py || exit 1; done

format: setup  ## Put the code into shape.
	@$(BIN)/ruff check --quiet --fix $(CODE)
	@$(BIN)/ruff format --quiet $(CODE)

lock:  ## Write constraints.txt anew from what pyproject.toml allows today.
	@rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	@.venv-lock/bin/python $(PIP) install -e '.[dev,bench]'
	@{ echo "# What both environments are made of; written by 'make lock'."; \
	   .venv-lock/bin/python -m pip --disable-pip-version-check freeze --exclude-editable; } > constraints.txt
	@rm -rf .venv-lock

clean:  ## Remove everything that was made.
	@rm -rf $(VENV) $(WHEEL_VENV) dist docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
