# Everything from a fresh clone on: `make help` tells what there is.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help serve test check bench faults isolation mutants sdks judges docs contracts constraints clean

# A Python of your choice: make serve PYTHON=/path/to/python3.12
PYTHON ?= python3
# Further options for the command behind a target: make test ARGS="-k brands"
ARGS ?=
# DEMO=0 starts with an empty server.
DEMO ?= 1

BIN := .venv/bin
PINS := pyproject.toml constraints.txt
comma := ,

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

serve: .venv/.serve ## Install, start PostgreSQL, migrate, fill a demo workspace and serve (DEMO=0: empty)
	@$(BIN)/python -m diptych serve $(if $(filter 0,$(DEMO)),--no-demo,--demo) $(ARGS)

# Each process has a PostgreSQL and rows of its own.
test: .venv/.develop ## Install and run every test
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal $(ARGS)

check: .venv/.develop ## Check format, style, types, import contracts and size limits
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/contracts

bench: .venv/.develop ## Measure Diptych beside its peers and write docs/benchmarks.md
	$(BIN)/python -m tests.bench $(ARGS)

sdks: .venv/.develop ## Generate clients of REST and GraphQL and let each tell a story (needs Node.js, Java; ARGS=orval)
	$(BIN)/python -m tests.sdks $(ARGS)

faults: .venv/.develop ## Kill, crash, cut off and race the server in full and write docs/faults.md
	$(BIN)/python -m tests.faults $(ARGS)

mutants: .venv/.develop ## Try the tests on mutants of the access modules and write docs/mutation.md (an hour or two)
	@$(call install,.[dev$(comma)mutation])
	$(BIN)/python -m tests.mutation $(ARGS)

isolation: .venv/.develop ## Let three workspaces try to notice each other, 100,000 times, and write docs/isolation.md
	$(BIN)/python -m tests.isolation $(ARGS)

judges: .venv/.develop tests/judges/.venv/.made tests/judges/node_modules/.made tests/judges/graphql/node_modules/.made tests/judges/mcp/node_modules/.made tests/judges/browser/node_modules/.made ## Ask other people's tools about every surface and write docs/judges.md (ARGS="lint rest graphql mcp pages")
	@$(call install,.[dev$(comma)docs])
	$(BIN)/python -m tests.judges $(ARGS)

docs: .venv/.develop ## Build the documentation site into .site, or serve it while it is written (ARGS=serve)
	@$(call install,.[dev$(comma)docs])
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs $(or $(ARGS),build --strict)

contracts: .venv/.develop ## Write docs/schema.graphql, docs/openapi.json, docs/API.md and the derived parts of the documentation anew
	$(BIN)/python -m diptych sdl > docs/schema.graphql
	$(BIN)/python -m diptych openapi > docs/openapi.json
	$(BIN)/python -m diptych agents > docs/API.md
	$(BIN)/python -m tests.contracts.documented

constraints: .venv/.develop ## Pin the newest versions that pyproject.toml allows into constraints.txt
	printf 'setuptools>=75\nuv\n' | $(BIN)/uv pip compile pyproject.toml - --upgrade --all-extras --universal \
		--python-version 3.11 --no-header --no-annotate --quiet --output-file constraints.txt

clean: ## Remove the environment and caches, but no data
	rm -rf .venv .site *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# The stamps below are older than what they depend on only when there is something to install.

tests/judges/.venv/.made: .venv/.uv tests/judges/requirements.txt
	@echo "Installing the judges written in Python, beside what Diptych needs"
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python tests/judges/.venv
	@$(BIN)/uv pip install --quiet --python tests/judges/.venv/bin/python --requirement tests/judges/requirements.txt
	@touch $@

# Without a lock file, which would name the registry that it was made with.
%/node_modules/.made: %/package.json
	@echo "Installing what $< names"
	@cd $(<D) && npm install --silent --no-package-lock --no-audit --no-fund --ignore-scripts
	@touch $@

.venv/.made:
	@echo "Making .venv"
	@for python in "$(PYTHON)" python3.14 python3.13 python3.12 python3.11; do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "Diptych needs Python 3.11 or newer. Name one with: make serve PYTHON=/path/to/python3" >&2; exit 1; \
	fi; \
	"$$found" -m venv .venv || { \
		echo "$$found cannot make a virtual environment; Debian and Ubuntu have it in the package python3-venv." >&2; \
		exit 1; \
	}
	@touch $@

.venv/.uv: .venv/.made $(PINS)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	@touch $@

.venv/.serve: .venv/.uv
	@echo "Installing what Diptych runs with"
	@$(call install,.)
	@touch $@

.venv/.develop: .venv/.uv
	@echo "Installing what Diptych runs and is tested with"
	@$(call install,.[dev])
	@touch $@ .venv/.serve

# pip knows package indexes that a company has set up for pip alone.
define install
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt \
		--build-constraint constraints.txt --editable '$(1)' || { \
		echo "uv could not install it; trying with pip" >&2; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '$(1)'; \
	}
endef
