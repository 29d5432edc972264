# make run [PORT=8000] | test | check | bench | lock          everything else here serves these five

PORT ?= 8000
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' && { echo $$p; break; }; done)

BIN := .venv/bin
RUNTIME := .venv/.runtime
DEV := .venv/.dev
FETCHED := .cache/npm/.done
VENDOR := static/vendor/MANIFEST
CATALOGS := .cache/catalogs
PO := $(shell find app -name '*.po' 2>/dev/null)
ICONS := $(wildcard assets/icons.txt)
FLASK := $(BIN)/flask --app wsgi
export PORT

.PHONY: run setup setup-dev test check bench lock
.DELETE_ON_ERROR:

run: export APP_ENV ?= demo
run: setup
	@$(BIN)/python tools/prepare.py
	@exec $(BIN)/python tools/serve.py

setup: $(RUNTIME) $(VENDOR) $(CATALOGS)

setup-dev: setup $(DEV)

test: setup-dev
	@$(BIN)/python tools/test.py $(ARGS)

check: setup-dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(FLASK) db check
	$(BIN)/python tools/catalogs.py check

bench: setup-dev
	@$(BIN)/python tools/bench.py $(ARGS)

# Newest versions within the bounds of pyproject.toml and package.json; look at the difference before you commit it.
lock: .cache/lock/ready
	.cache/lock/bin/python tools/lock.py

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none was found on PATH."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Making .venv ..."
	@$(PYTHON) -m venv .venv

$(RUNTIME): requirements.lock | .venv/bin/python
	@echo "Installing the Python packages ..."
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@touch $@

$(DEV): requirements-dev.lock $(RUNTIME)
	@echo "Installing the packages for tests and checks ..."
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

$(FETCHED): package-lock.json package.json .npmrc | .venv/bin/python
	@echo "Fetching the front-end files ..."
	@$(BIN)/python tools/vendor.py fetch
	@touch $@

$(VENDOR): $(FETCHED) tools/vendor.py $(ICONS)
	@$(BIN)/python tools/vendor.py copy

$(CATALOGS): $(PO) $(RUNTIME)
	@$(BIN)/python tools/catalogs.py compile
	@mkdir -p .cache && touch $@

.cache/lock/ready: | .venv/bin/python
	@$(BIN)/python -m venv .cache/lock
	@.cache/lock/bin/python -m pip install --quiet 'uv>=0.13,<0.14'
	@touch $@
