# Every target is self-sufficient: it builds .venv from the hash-pinned lock first.
.DEFAULT_GOAL := help
.PHONY: help demo ui test coverage test-long test-containers test-cluster test-redash check lint types definitions pytest format bench bench-bi image sbom charts clean lock

# Kept byte code: without it each program that a test starts compiles a thousand modules anew, and
# loading the code location takes 10.9 instead of 5.5 s.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
LINES ?= 1000000 10000000
GIGABYTES ?= 5
IMAGE ?= registry.example.com/rfm_platform:0.1.0
CHARTS := $(or $(RFM_CHARTS),$(HOME)/.cache/rfm_platform/charts)

# Making an environment empties what is there: behind a link, somebody else's.
refuse_a_link = @test ! -L $(1) || { echo "$(1) is a link to $$(readlink $(1)), which would be emptied: remove the link, or bring that environment up to date where it belongs."; exit 1; }

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

# uv from PATH when there is one, otherwise installed into the environment itself: by its own
# pip, or (Debian without python3-venv) by the system's pip pointed at the environment.
.venv/.installed: requirements.lock requirements-uv.lock pyproject.toml
	$(call refuse_a_link,.venv)
	@test -n "$(PYTHON)" || { echo "Python 3.11 to 3.14 is needed; none was found. Set PYTHON=/path/to/python3."; exit 1; }
	@if command -v uv >/dev/null; then \
		uv venv --quiet --clear --python "$(PYTHON)" .venv && ln -s "$$(command -v uv)" $(BIN)/uv; \
	elif "$(PYTHON)" -c 'import ensurepip' 2>/dev/null; then \
		"$(PYTHON)" -m venv --clear .venv && $(BIN)/python -m pip install --quiet --require-hashes -r requirements-uv.lock; \
	elif "$(PYTHON)" -m pip --version >/dev/null 2>&1; then \
		"$(PYTHON)" -m venv --clear --without-pip .venv && \
		"$(PYTHON)" -m pip --python $(BIN)/python install --quiet --require-hashes -r requirements-uv.lock; \
	else echo "$(PYTHON) has neither venv nor pip: install uv, python3-venv or python3-pip once."; exit 1; fi
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

# What `make bench` compares with and nothing else needs, in an environment of its own.
.venv-peers/.installed: .venv/.installed requirements-peers.lock
	$(call refuse_a_link,.venv-peers)
	$(BIN)/uv venv --quiet --clear --python "$(PYTHON)" .venv-peers
	$(BIN)/uv pip install --quiet --python .venv-peers/bin/python --require-hashes -r requirements-peers.lock
	@touch $@

demo: .venv/.installed  ## a year of real orders, end to end
	$(BIN)/rfm demo

ui: .venv/.installed  ## Dagster's web UI over the demo's home
	$(BIN)/rfm ui

check: .venv/.installed  ## lint, format, types, import rules, dead code, definitions
	@$(MAKE) --no-print-directory --jobs lint types definitions

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/vulture

types: .venv/.installed
	$(BIN)/mypy

definitions: .venv/.installed
	$(BIN)/dg check defs

format: .venv/.installed  ## let ruff write the format
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

test: .venv/.installed  ## check and, beside it, every test
	@$(MAKE) --no-print-directory --jobs lint types definitions pytest

pytest: .venv/.installed
	$(BIN)/pytest -n auto --dist worksteal

# Apart from `test`: on Python 3.11 the tracer costs half as much again as the tests themselves.
coverage: .venv/.installed  ## every test, with branch coverage and its floor
	$(BIN)/pytest -n auto --dist worksteal --cov --cov-report=term:skip-covered

test-long: .venv/.installed  ## thousands of generated marts and sequences, a kill at every boundary, sixty at random
	FAULT_POINTS=all FAULT_KILLS=30 EXAMPLES_TIMES=20 $(BIN)/pytest -n auto --dist worksteal rfm_platform_tests/faults rfm_platform_tests/customers

test-containers: .venv/.installed  ## the image built, run, killed; needs Debian's docker.io
	RFM_TEST_CONTAINERS=1 $(BIN)/pytest -n 0 -rs -s rfm_platform_tests/deploy/test_containers.py

test-cluster: .venv/.installed  ## both charts in the cluster of KUBECONFIG, killed; IMAGE= REDASH_IMAGE= REDIS_IMAGE= SAIL_IMAGE=
	RFM_TEST_CLUSTER=1 RFM_IMAGE=$(IMAGE) REDASH_IMAGE=$(REDASH_IMAGE) REDIS_IMAGE=$(REDIS_IMAGE) SAIL_IMAGE=$(SAIL_IMAGE) \
		$(BIN)/pytest -n 0 -rs -s rfm_platform_tests/deploy/test_cluster*.py

test-redash: .venv/.installed  ## dashboards on a real Redash, over the demo's tables; URL= KEY= WAREHOUSE=
	@RFM_TEST_REDASH_URL=$(URL) RFM_TEST_REDASH_KEY=$(KEY) RFM_TEST_REDASH_WAREHOUSE_URL='$(WAREHOUSE)' \
		RFM_TEST_HOME=$(or $(RFM_HOME),.rfm) $(BIN)/pytest -n 0 -rs rfm_platform_tests/dashboards/redash/test_acceptance.py

bench: .venv/.installed .venv-peers/.installed  ## each stage against its floor and its peers, docs/performance.md; LINES="1000000 10000000"
	$(BIN)/python -m rfm_platform_tests.performance $(LINES)

bench-bi: .venv/.installed  ## the BI database's move against pg_dump and pg_restore; GIGABYTES=5
	$(BIN)/python -m rfm_platform_tests.bi_database.benchmark $(GIGABYTES)

image:  ## the container image; IMAGE=registry/name:tag BUILD_ARGS=
	docker build $(BUILD_ARGS) --build-arg VERSION=$$(sed -n 's/^version = "\(.*\)"$$/\1/p' pyproject.toml) \
		--build-arg REVISION=$$(git describe --always --abbrev=40 --exclude='*' --dirty) -t $(IMAGE) -f deploy/Dockerfile .

sbom:  ## what is in the image, as CycloneDX, in sbom.json
	docker run --rm --network none --read-only --tmpfs /tmp $(IMAGE) python /opt/app/sbom.py > sbom.json

charts: .venv/.installed  ## the official charts, which the tests render; from the internet
	$(BIN)/python -m rfm_platform_tests.deploy.download $(CHARTS)

clean:  ## stop the embedded server and remove what was made here
	@if test -x $(BIN)/rfm; then RFM_HOME=.rfm $(BIN)/rfm stop; fi
	rm -rf .rfm .venv .venv-peers .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build *.egg-info

lock: .venv/.installed  ## resolve the dependencies anew
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 --extra demo --extra dev --extra spark pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 --constraint requirements.lock --extra spark-client pyproject.toml -o requirements-runtime.lock
	grep -oE '^duckdb==[^ ]*' requirements.lock | $(BIN)/uv pip compile --quiet --universal --generate-hashes \
		--no-emit-index-url --no-header --python-version 3.11 --constraint - --group pyproject.toml:peers -o requirements-peers.lock
