# Everything runs in a virtual environment that these targets make themselves, from nothing but
# Python and make. PYTHON= names the interpreter to make it with, PORT= where the app is served.

PORT ?= 8866
VENV := .venv
BIN := $(VENV)/bin
CANDIDATES = $(or $(PYTHON),python3.13 python3.12 python3.11 python3 python)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help app lab test check bench lock clean

help:
	@sed -n 's/^\([a-z]*\):.*## /  make \1: /p' $(firstword $(MAKEFILE_LIST))

app: $(VENV)/runtime.stamp ## serve the app on http://127.0.0.1:8866 (PORT= to change)
	@$(BIN)/python -m advisor.report.assets > /dev/null
	@$(BIN)/python -m advisor.app.serve --port=$(PORT)

lab: $(VENV)/runtime.stamp ## open the notebooks in JupyterLab
	@$(BIN)/python -m advisor.report.assets > /dev/null
	@$(BIN)/jupyter lab notebooks

test: $(VENV)/dev.stamp ## run the tests (ARGS= for pytest)
	@$(BIN)/python -m advisor.report.assets > /dev/null
	@$(BIN)/python scripts/chromium.py || echo "browser tests cannot run here"
	@$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/dev.stamp ## lint, types, import contracts, catalogs, notebooks
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m advisor check
	@$(BIN)/python scripts/notebooks.py

bench: $(VENV)/dev.stamp ## run the benchmarks
	@$(BIN)/python -m advisor.report.assets > /dev/null
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

clean: ## remove the virtual environment and everything else that was made
	rm -rf $(VENV) .advisor build dist test-results
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# The lock holds one version of everything for all supported Pythons and systems, so that figures do
# not depend on either. It changes only where pyproject.toml asks; UPGRADE=--upgrade takes the newest.
UV := $(VENV)/lock/bin/uv
COMPILE = $(UV) pip compile pyproject.toml --quiet --no-config --universal --python-version 3.11 \
	--fork-strategy fewest --no-annotate --custom-compile-command 'make lock' $(UPGRADE)

lock: $(UV) ## resolve the dependencies anew (UPGRADE=--upgrade)
	$(COMPILE) --output-file requirements.txt
	grep -v '^-r' requirements-dev.txt > $(VENV)/lock/all.txt
	$(COMPILE) --output-file $(VENV)/lock/all.txt --constraint requirements.txt --group dev
	{ head -n 2 requirements.txt; echo '-r requirements.txt'; \
	  grep -vxFf requirements.txt $(VENV)/lock/all.txt; } > requirements-dev.txt

$(UV): | $(VENV)/pyvenv.cfg
	$(BIN)/python -m venv $(VENV)/lock
	$(VENV)/lock/bin/pip install --quiet --disable-pip-version-check uv==0.13.9

# The first interpreter that is new enough and can make environments (Debian splits that off).
$(VENV)/pyvenv.cfg:
	@for python in $(CANDIDATES); do \
	  if "$$python" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	  then echo "making $(VENV) with $$("$$python" --version)"; exec "$$python" -m venv $(VENV); fi; \
	done; \
	echo "No Python >= 3.11 with venv among: $(CANDIDATES). Install one (on Debian python3 and" \
	  "python3-venv), or name it: make PYTHON=/path/to/python3" >&2; exit 1

# The package is not installed but found by path: nothing to build, and edits count at once.
$(VENV)/runtime.stamp: requirements.txt | $(VENV)/pyvenv.cfg
	@echo "installing requirements.txt (a minute)"
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@echo '$(CURDIR)' > "$$($(BIN)/python -c 'import sysconfig; \
	  print(sysconfig.get_path("purelib"))')/checkout.pth"
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt $(VENV)/runtime.stamp
	@echo "installing requirements-dev.txt"
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
