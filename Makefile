# make demo | test | test-fast | check | lint | docs | preset | ui | app | clean | demo-llm | setup | dev | lock
# Needs Python 3.11, 3.12 or 3.13, git and make.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
PORT ?= 5000
APP_PORT ?= 8501

export MLFLOW_DISABLE_TELEMETRY = true
export DO_NOT_TRACK = true
export DVC_NO_ANALYTICS = 1
export MLFLOW_MODEL_CATALOG_URI =
export RECEXPLAINER_PYTHON = $(CURDIR)/$(BIN)/python

.PHONY: demo test test-fast test-fast-1 test-fast-2 test-fast-3 check lint docs preset format ui app clean demo-llm setup dev lock reference wire git

demo: git setup
	@HF_HUB_OFFLINE=1 $(BIN)/recexplainer run
	@echo
	@echo "report:   $(CURDIR)/report/index.html"
	@echo "metrics:  $(CURDIR)/metrics   ($(BIN)/dvc metrics show metrics/judge_*.json)"
	@echo "tracking: make ui, then http://127.0.0.1:$(PORT)"

test: git dev
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest

# Without DVC, the registry, served models and training: two halves of like size side by side, and what mostly waits.
FAST := HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -m "not slow and not browser and not gpu and not real_data"
HALF := $(addprefix tests/,alignment audit citations core data discriminators evidence explaining judging recommenders report tasks)
WAITS := tests/api tests/app
test-fast: git dev
	@$(MAKE) --no-print-directory --output-sync --keep-going --jobs=3 test-fast-1 test-fast-2 test-fast-3
test-fast-1:
	$(FAST) $(HALF)
test-fast-2:
	$(FAST) -p no:cacheprovider $(addprefix --ignore=,$(HALF) $(WAITS))
test-fast-3:
	$(FAST) -p no:cacheprovider $(WAITS)

check: lint test

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy src
	$(BIN)/lint-imports

# The documentation as a site in site/, without a network; a dead link ends it.
docs: dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "$(CURDIR)/site/index.html"

format: dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# make preset NAME=ml_latest_small RAW=/path/to/the/files
preset: setup
	@$(BIN)/recexplainer preset "$(NAME)" "$(RAW)"

ui: setup
	@$(BIN)/python bin/ui.py $(PORT)

app: dev
	@HF_HUB_OFFLINE=1 $(BIN)/recexplainer app --port $(APP_PORT)

demo-llm: git setup
	cd demo_llm && PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONPATH=. "$(CURDIR)/$(BIN)/dvc" repro

reference: setup
	$(BIN)/python bin/reference.py

# The code that each stage of dvc.yaml imports.
wire: setup
	$(BIN)/python bin/wire.py

# Results, models and the environment stay; what can be made again in a moment goes.
clean:
	rm -rf .pytest_cache .mypy_cache .ruff_cache dvc_plots
	find src tests demo_llm -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -path ./$(VENV) -prune -o -name '.tmp-*' -prune -exec rm -rf {} +

git:
	@command -v git >/dev/null 2>&1 || { echo "error: git is not installed; DVC needs it" >&2; exit 2; }
	@git rev-parse --git-dir >/dev/null 2>&1 || { \
	  echo "error: this folder is not a git repository, which DVC needs; run: git init && git add -A && git commit -m start" >&2; \
	  exit 2; }

setup: $(STAMP)

# make setup TORCH=cpu: torch from its own index, by the name of the build (cpu, cu128, …), instead of pip's index.
$(STAMP): requirements.lock requirements-torch.lock pyproject.toml
	@for name in python3.11 python3.12 python3.13 python3 python; do \
	  if $$name -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then \
	    found=$$name; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "error: no python 3.11, 3.12 or 3.13 (with venv) on PATH; install one, for example python3.11" >&2; exit 2; fi; \
	if [ ! -x $(BIN)/python ]; then echo "making $(VENV) with $$found"; $$found -m venv $(VENV) || exit 2; fi
	@echo "installing requirements.lock (about two minutes)"
	@$(PIP) install --require-hashes --no-deps -r requirements.lock
	@$(PIP) install -r requirements-torch.lock $(TORCH:%=--index-url https://download.pytorch.org/whl/%)
	@$(PIP) install --no-deps --editable .
	@touch $(STAMP)

dev: $(DEV_STAMP)

$(DEV_STAMP): $(STAMP) requirements-dev.lock
	@$(PIP) install --require-hashes --no-deps -r requirements-dev.lock
	@touch $(DEV_STAMP)

# The locks and conda.yaml from the ranges of pyproject.toml; make lock ARGS=--upgrade takes the newest versions.
lock: dev
	$(BIN)/python bin/lock.py $(ARGS)
