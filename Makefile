# flopcensus: `make run` is the one to start with; `make help` lists the rest.

PYTHON ?= python3
STUDY ?= configs/studies/world.yaml
VENV := .venv
BIN := $(VENV)/bin
# Two processes of tests at once; each file stays in one of them, as its tests share what they set up.
WORKERS ?= 2

# A slow package index is waited for and asked again; what the environment already says goes first.
export PIP_DEFAULT_TIMEOUT ?= 60
export PIP_RETRIES ?= 8
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Packages are byte-compiled when first imported: doing so at once for all of torch takes a minute.
unexport PYTHONDONTWRITEBYTECODE
INSTALL := $(BIN)/python -m pip install --quiet --quiet --no-compile --constraint constraints.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: run test test-system check format docs build wheelhouse clean help

run: $(VENV)/.for-running ## install what running needs, then run the study (STUDY=FILE for another)
	$(BIN)/flopcensus run $(STUDY)

test: $(VENV)/.for-development ## install what development needs, then run the tests (ARGS='-m ""' for those of test-system too)
	$(BIN)/pytest -q -n $(WORKERS) --dist loadfile -m "not system" $(ARGS)

test-system: $(VENV)/.for-development ## the tests that install, start clusters, launchers and browsers, and kill: some ten minutes
	$(BIN)/pytest -q -n $(WORKERS) --dist loadfile -m system $(ARGS)

check: $(VENV)/.for-development ## formatting, lint, types, and who may import whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.for-development ## mend formatting and the lint that mends itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

build: $(VENV)/.for-development ## wheel and sdist into dist/
	$(BIN)/python -m hatchling build

docs: $(VENV)/.for-development ## the documentation as a site, into docs/_build/html
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

wheelhouse: $(VENV)/.made ## all wheels for a site without a network, into wheelhouse/ (ARGS='--python-version 3.12 …' for another Python)
	PYTHON=$(BIN)/python scripts/wheelhouse.sh wheelhouse $(ARGS)

clean: ## remove the environment, caches and what was built; results/ stays
	rm -rf $(VENV) dist build wheelhouse docs/_build docs/reference .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# What is there already is used, unless it was left half made. pip 25.3 was the first with --build-constraint.
$(VENV)/.made:
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	  $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "flopcensus needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) -V 2>&1 | grep Python || echo missing); name another: make PYTHON=python3.12" >&2; \
	    exit 1; }; \
	  echo "making $(VENV) with $$($(PYTHON) -V)" >&2; \
	  $(PYTHON) -m venv --clear $(VENV); }
	@$(BIN)/python -c 'import pip, sys; sys.exit(tuple(map(int, pip.__version__.split(".")[:2])) < (25, 3))' || \
	  $(BIN)/python -m pip install --quiet --quiet --no-compile --upgrade 'pip>=25.3'
	@touch $@

$(VENV)/.for-running: $(VENV)/.made pyproject.toml constraints.txt
	@echo "installing flopcensus with torch into $(VENV): a minute or more" >&2
	@$(INSTALL) --build-constraint constraints.txt --editable '.[bench,page]'
	@touch $@

$(VENV)/.for-development: $(VENV)/.for-running
	@echo "installing what checks and tests need" >&2
	@$(INSTALL) --group dev
	@touch $@
