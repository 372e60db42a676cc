# Works on a fresh machine with git and Python 3.11 or newer:
#
#   make run        the wizard, on the config repository ./airflow-config (created if missing)
#   make test       everything that a change must pass; installs what it needs, skips nothing silently
#   make check      lint, layers, types, unit and screens tests: no server, under two minutes
#   make testbed    build the programs that the tests run (helm, template engine, API server, Vault)
#   make lint       ruff, layers, mypy          make format    apply what ruff can fix
#   make bench      measure the budgets beside their peers (never fails on time)
#   make pictures   every screen as a picture, in .cache/pictures; README's in docs/pictures
#   make generated  README's tables and wizard/answers/questions.json, from the questions
#   make clean      delete everything that was built; ./airflow-config is yours and is kept

VENV := .venv
BIN := $(VENV)/bin
CACHE := .cache
PYTEST_ARGS ?= -n auto
SOURCES := $(shell git ls-files -- wizard screens presets)
WHEEL_BIN := $(CACHE)/wheel/venv/bin

.DELETE_ON_ERROR:
.PHONY: run test check testbed lint format wheel bench pictures generated packages clean

run: $(VENV)/.run
	@test -e airflow-config/.git || git init --quiet --initial-branch=main airflow-config
	@$(BIN)/airflow-wizard --repo airflow-config

# Each step prints its name, so a failing run shows which one failed.
test: packages $(VENV)/.dev
	$(MAKE) --no-print-directory testbed
	$(MAKE) --no-print-directory lint
	$(MAKE) --no-print-directory wheel
	$(BIN)/pytest $(PYTEST_ARGS)

# While you work: everything that needs neither a system package nor a program built here.
check: $(VENV)/.dev
	$(MAKE) --no-print-directory lint
	$(BIN)/pytest $(PYTEST_ARGS) tests/unit tests/screens

$(BIN)/python:
	sh tests/tools/make_venv.sh $(VENV)

$(VENV)/.run: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

# `--group` needs pip 25.1; the pip that venv brings is older on Debian 12 and Ubuntu 24.04.
$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e . --group dev
	@touch $@ $(VENV)/.run

packages:
	@sh tests/tools/packages.sh

testbed: $(VENV)/.dev
	$(BIN)/python -m tests.testbed

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m tests.tools.layers
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

# Test what is shipped: the wheel's own command, outside the checkout.
wheel: $(CACHE)/wheel/.installed
	cd $(CACHE)/wheel && venv/bin/airflow-wizard --help > help.txt && venv/bin/airflow-wizard presets

$(CACHE)/wheel/.dependencies: pyproject.toml | $(BIN)/python
	rm -rf $(CACHE)/wheel
	mkdir -p $(CACHE)/wheel
	$(BIN)/python -m venv $(CACHE)/wheel/venv
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps -w $(CACHE)/wheel .
	$(WHEEL_BIN)/python -m pip install --quiet --disable-pip-version-check $(CACHE)/wheel/*.whl
	@touch $@

$(CACHE)/wheel/.installed: $(CACHE)/wheel/.dependencies README.md LICENSE $(SOURCES)
	rm -f $(CACHE)/wheel/*.whl
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps -w $(CACHE)/wheel .
	$(WHEEL_BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --no-deps --force-reinstall $(CACHE)/wheel/*.whl
	@touch $@

bench: $(VENV)/.dev
	$(BIN)/python -m tests.bench.run

pictures: $(VENV)/.dev
	$(BIN)/python -m tests.tools.pictures $(CACHE)/pictures
	$(BIN)/python -m tests.tools.pictures --readme docs/pictures

generated: $(VENV)/.dev
	$(BIN)/python -m tests.tools.readme_tables
	$(BIN)/python -m tests.tools.questions

clean:
	rm -rf $(VENV) $(CACHE) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
