# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Needs Python 3.11 or newer, git and make. Everything that is built lies in .venv and .cache.

# the first Python that really runs (a name on the PATH may be a shim for a version that is not there)
WORKS = import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3 python3.11 python3.12 python3.13 python3.14; do \
    $$name -c '$(WORKS)' 2>/dev/null && { echo $$name; break; }; done)

# Where bytecode is forbidden, as in many images, each of thousands of short processes would compile all anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help python test-venv demo-venv unit test release-check faults faults-short benchmarks docs format demo clean

help:
	@echo 'make demo            a collection moves from one Milvus to another, on real servers started for it here'
	@echo 'make unit            the unit tests, in a minute or two   ARGS="-k name" goes to pytest'
	@echo 'make test            everything                           LEGS="ruff unit" runs only these'
	@echo 'make release-check   what "make test" has no time for: the oldest and newest of all, the site, the importer of Galaxy'
	@echo 'make benchmarks      copies against boto3 and s5cmd, and whole backups; half an hour    ARGS="--rounds 1"'
	@echo 'make faults          kills, broken networks, damage, races and leaks in full numbers, with a report (an hour)'
	@echo 'make faults-short    the same with few rounds, as in make test'
	@echo 'make docs            docs/variables.md anew, antsibull-docs lint, and the site of all guides in .cache/docs/html'
	@echo 'make format          rewrites the Python files as "make test" wants them'
	@echo 'make clean           removes .venv, .cache and what the tools leave behind'
	@echo 'PYTHON=/usr/bin/python3.12 before or after make chooses the Python (3.11 or newer)'

python:
	@test -n '$(PYTHON)' || { echo 'No Python 3.11 or newer with venv and ensurepip found. Install one' \
	    '(on Debian: python3 and python3-venv), or name it: make PYTHON=/path/to/python3' >&2; exit 1; }

test-venv: python
	@$(PYTHON) tests/tools/virtualenv.py .venv/test tests/requirements.txt

demo-venv: python
	@$(PYTHON) tests/tools/virtualenv.py .venv/demo tests/requirements-demo.txt

unit: test-venv
	@.venv/test/bin/python -m pytest tests/unit --numprocesses=auto --maxprocesses=4 $(ARGS)

test: python
	@$(PYTHON) tests/tools/run_tests.py $(LEGS)

release-check: python
	@$(PYTHON) tests/tools/run_tests.py --release $(LEGS)

faults: ROUNDS = --full
faults faults-short: test-venv
	@.venv/test/bin/python tests/tools/fault_report.py clear
	@.venv/test/bin/python -m pytest tests/faults $(ROUNDS) --numprocesses=3 --dist=loadfile --no-loadscope-reorder $(ARGS); \
	    code=$$?; .venv/test/bin/python tests/tools/fault_report.py print; exit $$code

benchmarks: python
	@$(PYTHON) tests/tools/virtualenv.py .venv/benchmarks tests/requirements-benchmarks.txt
	@.venv/benchmarks/bin/python tests/benchmarks/run.py $(ARGS)
	@.venv/benchmarks/bin/python tests/benchmarks/module_runs.py $(ARGS)
	@.venv/benchmarks/bin/python tests/benchmarks/million.py

docs: python
	@$(PYTHON) tests/tools/virtualenv.py .venv/docs tests/requirements-docs.txt
	@.venv/docs/bin/python tests/tools/variables_page.py
	@.venv/docs/bin/python tests/tools/docs_site.py

format: test-venv
	@.venv/test/bin/ruff check --fix .
	@.venv/test/bin/ruff format .

demo: demo-venv
	@$(PYTHON) tests/tools/collection_tree.py > /dev/null
	@PATH="$(CURDIR)/.venv/demo/bin:$$PATH" ANSIBLE_COLLECTIONS_PATH="$(CURDIR)/.cache/collections" bash tests/tools/demo.sh

clean:
	@rm -rf .venv .cache .ansible collections tests/output
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
