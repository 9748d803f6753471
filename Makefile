# Every target sets up what it needs; stamps in .venv/ keep it from being done twice.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-all lint format bench widget widget-report clean

HOST ?= 127.0.0.1
PORT ?= 8765
DEMO_PORT ?= 8766
DATA ?= seeme-data
PYTEST_ARGS ?=
BENCH_ARGS ?=

VENV := .venv
PY := $(VENV)/bin/python
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$python"; break; }; done)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.demo ## Start the service with its examples (HOST, PORT, DEMO_PORT, DATA can be set)
	$(VENV)/bin/seeme demo --host $(HOST) --port $(PORT) --demo-port $(DEMO_PORT) --data $(DATA)

test: $(VENV)/.test ## Run the tests for a change: under 10 minutes on 2 cores
	$(PY) -m pytest -m "not long" -n 2 --dist loadfile $(PYTEST_ARGS)

test-all: $(VENV)/.test ## Run all tests, the long ones and those on PostgreSQL too
	@sh .ci/need.sh postgresql sh -c 'command -v initdb || ls /usr/lib/postgresql/*/bin/initdb' \
		|| echo "going on without it: its tests will be skipped" >&2
	@sh .ci/need.sh firefox-esr sh -c 'command -v firefox-esr || command -v firefox' \
		|| echo "going on without it: its tests will be skipped" >&2
	$(PY) -m pytest $(PYTEST_ARGS)

lint: $(VENV)/.dev ## Check style and types
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy

format: $(VENV)/.dev ## Put the code in the house's format
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

bench: $(VENV)/.dev ## Measure the speed, and how far estimates are off (needs wrk)
	@sh .ci/need.sh wrk command -v wrk
	$(PY) -m tests.bench $(BENCH_ARGS)

widget-report: $(VENV)/.test ## Measure the widget: sizes, accessibility, layout shift, times, lost actions (needs Node, 10 minutes)
	-$(PY) -m pytest tests/widget -q --junitxml=.widget-report.xml \
		-k "size or thousand or gone or policy or moves or axe or healthy or doubled" $(PYTEST_ARGS)
	$(PY) tests/widget/report.py .widget-report.xml

widget: ## Build widget/dist again (needs Node)
	cd widget && npm ci && npm run build

clean: ## Remove the virtual environment and caches (not your data)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Debian keeps `venv` in a package of its own, so a fresh machine may lack it.
$(PY):
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and none was found; name one: make PYTHON=python3.12" >&2; exit 1; }
	@sh .ci/need.sh $(notdir $(PYTHON))-venv $(PYTHON) -c 'import ensurepip'
	$(PYTHON) -m venv --clear $(VENV)

$(VENV)/.demo: pyproject.toml | $(PY)
	$(PY) -m pip install --quiet --upgrade "pip>=25.1"
	$(PY) -m pip install --quiet --editable ".[demo]"
	@touch $@

$(VENV)/.dev: $(VENV)/.demo
	$(PY) -m pip install --quiet --group dev
	@touch $@

# Browser tests take a Chromium from the PATH, else Playwright's own; one test counts fsyncs with strace,
# one makes a quick run of the benchmark, which needs wrk.
$(VENV)/.test: $(VENV)/.dev
	@command -v chromium || command -v chromium-browser || command -v google-chrome || command -v google-chrome-stable \
		|| sh .ci/need.sh chromium command -v chromium || $(PY) -m playwright install chromium
	@sh .ci/need.sh strace command -v strace || echo "going on without it: its test will be skipped" >&2
	@sh .ci/need.sh wrk command -v wrk || echo "going on without it: its test will be skipped" >&2
	@touch $@
