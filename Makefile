# Kabambe's commands. `make` alone lists them; each works from a fresh clone with python3 and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.DEFAULT_GOAL := help
.PHONY: help run test check lint fmt docs docs-check bench soak audit rewrite clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(RUN_STAMP) ## start everything and print the address of the simulator (PORT, KABAMBE_HOME)
	@exec $(BIN)/python -m ussd_app run

test: $(DEV_STAMP) ## run every test but the soak (ARGS='tests/ledger -x' narrows it)
	@$(BIN)/python -m pytest -m "not soak" -n auto --maxprocesses 4 --dist worksteal $(ARGS)

check: $(DEV_STAMP) ## format, lint, types, import contracts, menus, products, generated docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/python -m menus lint
	$(BIN)/python -m ussd_app.products lint
	$(BIN)/python -m menus draw --check
	$(BIN)/python -m menus words --check
	$(BIN)/python -m menus refusals --check

fmt: $(DEV_STAMP) ## format the code and mend what can be mended by a tool
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

docs: $(DEV_STAMP) ## write the generated pages under docs/ anew
	$(BIN)/python -m menus draw
	$(BIN)/python -m menus words
	$(BIN)/python -m menus refusals

bench: $(DEV_STAMP) ## measure speed and size, as ratios taken in one run on this machine
	@$(BIN)/python -m bench $(ARGS)

soak: $(DEV_STAMP) ## run the tests that take minutes to hours
	@$(BIN)/python -m pytest -m soak $(ARGS)

audit: $(RUN_STAMP) ## prove the books of KABAMBE_HOME (or DATABASE_URL)
	@$(BIN)/python -m ussd_app audit

rewrite: $(DEV_STAMP) ## rewrite the expected blocks of the dialogues; then read the diff
	@$(BIN)/python -m simulator rewrite $(ARGS)

clean: ## remove the virtual environment and the caches (never the data)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Kabambe needs Python 3.11 or newer; name one with PYTHON=..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "python3-venv is missing: apt-get install python3-venv"; exit 1; }

$(RUN_STAMP): requirements.txt | $(BIN)/python
	@echo "Installing what the server needs …"
	@$(PIP) -r requirements.txt
	@touch $@

$(DEV_STAMP): requirements-dev.txt requirements.txt | $(BIN)/python
	@echo "Installing what the tests and checks need …"
	@$(PIP) -r requirements-dev.txt
	@touch $@ $(RUN_STAMP)
