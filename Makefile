# `make` lists what can be made. Everything runs in .venv, which is made when it is missing.
#
#   make demo PYTHON=python3.12    with this Python instead of the first that fits
#   make demo DEVICE=cpu           with this build of TensorFlow instead of the one that fits the machine
#   make test ARGS="-k dvc"        with these arguments to pytest

RUN := PATH="$(CURDIR)/.venv/bin:$$PATH"
SETUP := PYTHON="$(PYTHON)" DEVICE="$(DEVICE)" sh tools/setup.sh

.PHONY: help setup setup-dev demo test check check-all docs benchmarks

help:  ## list what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1 | /p' Makefile | while IFS='|' read -r name text; do \
		printf '  make %-12s%s\n' "$$name" "$$text"; done

setup:  ## make .venv with the pinned packages; does nothing if it is there
	@$(SETUP)

setup-dev:  ## the same, with what the tests need
	@$(SETUP) dev

demo: setup  ## generate a dataset, train a world model, measure it: the experiment of params.yaml
	@$(RUN) dvc repro
	@$(RUN) python tools/results.py

test: setup-dev  ## run the tests
	@$(RUN) python -m pytest --numprocesses logical --maxprocesses 4 --dist loadscope --no-loadscope-reorder $(ARGS)

check: setup-dev  ## lint, formatting and types
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy pipeline

check-all: check  ## all that can be checked: long tests, all blocks of the documents, JAX, PyTorch: an hour, gigabytes
	@$(RUN) python -m pytest --numprocesses logical --maxprocesses 4 --dist loadscope --no-loadscope-reorder -m "long or not long"
	@$(RUN) python tools/check_all.py $(ARGS)

docs: setup-dev  ## make the site of docs/ in site/
	@$(RUN) mkdocs build --strict --quiet
	@echo "the site: site/index.html"

benchmarks: setup-dev  ## measure exactness, speed and time beside the published recipes, and make the tables: hours
	@for words in prompt.py generation.py training.py exactness.py time_to_exact.py poor_start.py \
		learned.py "few_transitions.py rules" "few_transitions.py gradient" \
		"few_transitions.py recipes" large_recording.py environments.py others.py larger.py drawn.py solving.py exports.py devices.py tables.py; do $(RUN) python benchmarks/$$words || exit 1; done
