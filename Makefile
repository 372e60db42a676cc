# Works on a fresh machine with git and Python 3.11 or newer:
#
#   make run        the wizard, on the config repository ./airflow-config (created if missing)
#   make test       everything that a change must pass; installs what it needs, skips nothing silently
#   make check      lint, layers, types, unit and screens tests: no server, under two minutes
#   make testbed    build what the tests run (helm, template engine, API server, Vault, Airflow)
#   make lint       ruff, layers, mypy          make format    apply what ruff can fix
#   make lowest     tests with the lowest versions that pyproject.toml allows
#   make lock       write locks/ after a change to pyproject.toml; UPGRADE=1 takes the newest versions
#   make audit      look up known vulnerabilities of what locks/ names (needs the advisory database)
#   make bench      measure the budgets beside their peers (never fails on time)
#   make pictures   every screen as a picture, in .cache/pictures; README's in docs/pictures
#   make recording  a first set-up, as asciinema plays it, in docs/recording
#   make generated  README's tables, docs/documents.md and wizard/answers/questions.json
#   make clean      delete everything that was built; ./airflow-config is yours and is kept

VENV := .venv
BIN := $(VENV)/bin
CACHE := .cache
# A file runs in one worker, in the order of the folders: what a module sets up is made once, and
# the files that take longest come first.
PYTEST_ARGS ?= -n auto --dist loadfile --no-loadscope-reorder
# Where it is set, every process of the tests would compile the wizard and its packages anew.
unexport PYTHONDONTWRITEBYTECODE
# Files are compiled when they are first imported: most never are.
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --no-compile
# Everything from PyPI comes through a lock: a file whose hash is not in it is refused.
LOCKED := $(PIP_INSTALL) --require-hashes --requirement
TOOLS_BIN := $(CACHE)/tools/bin
LOWEST_BIN := $(CACHE)/lowest/bin
SOURCES := $(shell git ls-files -- wizard screens presets)
WHEEL_BIN := $(CACHE)/wheel/venv/bin

.DELETE_ON_ERROR:
.PHONY: run test check testbed lint format wheel lowest lock audit bench pictures recording
.PHONY: generated packages clean

run: $(VENV)/.run
	@test -e airflow-config/.git || git init --quiet --initial-branch=main airflow-config
	@$(BIN)/airflow-wizard --repo airflow-config

# Each step prints its name, so a failing run shows which one failed.
test: packages $(VENV)/.dev
	$(MAKE) --no-print-directory testbed
	$(MAKE) --no-print-directory -j2 lint wheel
	$(MAKE) --no-print-directory lowest
	$(BIN)/pytest $(PYTEST_ARGS)

# While you work: everything that needs neither a system package nor a program built here.
check: $(VENV)/.dev
	$(MAKE) --no-print-directory lint
	$(BIN)/pytest $(PYTEST_ARGS) tests/unit tests/screens

$(BIN)/python:
	sh tests/tools/make_venv.sh $(VENV)

$(VENV)/.run: locks/release.txt pyproject.toml | $(BIN)/python
	$(BIN)/python $(LOCKED) locks/release.txt
	$(BIN)/python $(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: locks/test.txt pyproject.toml | $(BIN)/python
	$(BIN)/python $(LOCKED) locks/test.txt
	$(BIN)/python $(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.run

packages:
	@sh tests/tools/packages.sh

testbed: $(VENV)/.dev $(CACHE)/tools/.installed
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

$(CACHE)/wheel/.dependencies: locks/release.txt | $(BIN)/python
	rm -rf $(CACHE)/wheel
	mkdir -p $(CACHE)/wheel
	$(BIN)/python -m venv $(CACHE)/wheel/venv
	$(WHEEL_BIN)/python $(LOCKED) locks/release.txt
	@touch $@

# Without an index, what the wheel asks for must be what the lock brought, within its ranges.
$(CACHE)/wheel/.installed: $(CACHE)/wheel/.dependencies pyproject.toml README.md LICENSE $(SOURCES)
	rm -f $(CACHE)/wheel/*.whl
	$(WHEEL_BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps \
	  --no-build-isolation -w $(CACHE)/wheel .
	$(WHEEL_BIN)/python -m pip uninstall --quiet --yes airflow-wizard
	$(WHEEL_BIN)/python $(PIP_INSTALL) --no-index $(CACHE)/wheel/*.whl
	$(WHEEL_BIN)/python -m pip check
	@touch $@

# Each library's lower bound: the tests that use most of it, against its real server.
LOWEST_TESTS := tests/unit/clients tests/unit/checks/test_schema.py tests/unit/formats/test_yaml_writer.py
LOWEST_TESTS += tests/unit/answers/test_presets.py tests/unit/plan/test_golden_trees.py
LOWEST_TESTS += tests/unit/secrets/test_deploy_key.py tests/integration/cli/test_hand_off.py
LOWEST_TESTS += tests/integration/database/test_probes.py tests/integration/broker/test_probes.py
LOWEST_TESTS += tests/integration/vault/test_client.py tests/integration/ssh/test_scan.py
LOWEST_TESTS += tests/integration/ssh/test_sshfp.py tests/integration/cluster/test_client.py
LOWEST_TESTS += tests/integration/cluster/test_health.py tests/screens/test_run.py
lowest: $(CACHE)/lowest/.installed
	$(LOWEST_BIN)/python -m pytest $(PYTEST_ARGS) $(LOWEST_TESTS)

$(CACHE)/lowest/.installed: locks/lowest.txt | $(BIN)/python
	rm -rf $(CACHE)/lowest
	$(BIN)/python -m venv $(CACHE)/lowest
	$(LOWEST_BIN)/python $(LOCKED) locks/lowest.txt
	@touch $@

lock: $(CACHE)/tools/.installed
	$(BIN)/python -m tests.tools.locks --uv $(TOOLS_BIN)/uv $(if $(UPGRADE),--upgrade)

audit: $(CACHE)/tools/.installed
	$(BIN)/python -m tests.tools.audit --pip-audit $(TOOLS_BIN)/pip-audit

$(CACHE)/tools/.installed: locks/tools.txt | $(BIN)/python
	rm -rf $(CACHE)/tools
	$(BIN)/python -m venv $(CACHE)/tools
	$(TOOLS_BIN)/python $(LOCKED) locks/tools.txt
	@touch $@

bench: $(VENV)/.dev
	$(BIN)/python -m tests.bench.run

pictures: $(VENV)/.dev
	$(BIN)/python -m tests.tools.pictures $(CACHE)/pictures
	$(BIN)/python -m tests.tools.pictures --readme docs/pictures

recording: $(VENV)/.dev
	$(BIN)/python -m tests.tools.recording docs/recording/first-set-up.cast

generated: $(VENV)/.dev
	$(BIN)/python -m tests.tools.readme_tables
	$(BIN)/python -m tests.tools.questions
	$(BIN)/python -m tests.tools.document_table

clean:
	rm -rf $(VENV) $(CACHE) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
