# Everything here sets itself up: a Python 3 with pip and a package registry are enough. See CONTRIBUTING.md.
.DEFAULT_GOAL := help
SHELL := /bin/bash
BIN := .venv/bin
# A registry or a proxy of a company's own is trusted as far as the machine trusts it.
export UV_SYSTEM_CERTS := true

.PHONY: help setup demo fleet test test-long test-bigquery rehearse-bigquery test-install test-prism test-servicetitan bench lint format docs clean

help: ## Show what can be done
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: ## Install everything into .venv, from the lock file
	@tools/setup.sh

demo: setup ## Sync two companies twice and show what happened to the rows (under two minutes)
	@$(BIN)/python tools/demo.py

fleet: setup ## Rehearse a night of 30 companies, with trouble in three of them (about five minutes)
	@$(BIN)/python tools/fleet.py

test: setup ## Run all tests against a local ServiceTitan and a local BigQuery
	@$(BIN)/pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder

test-long: setup ## Run the long tests: random scenarios, faults, a million records (see docs/explanation/reliability.md)
	@$(BIN)/pytest --numprocesses=2 --dist=load -m long

# What both have in common. A worker waits for BigQuery most of the time.
CHECK_BIGQUERY = $(BIN)/pytest tests --dist=load --timeout=1200 -m "bigquery and not long" --bigquery-report=docs/real-bigquery.md

test-bigquery: setup ## Run the tests of the target in a real project, for under a dollar: PROJECT=... [LOCATION=...]
	$(if $(filter command line,$(origin PROJECT)),,$(error say which project to use: make test-bigquery PROJECT=my-project [LOCATION=europe-west3]))
	@$(CHECK_BIGQUERY) --numprocesses=8 --bigquery-project=$(PROJECT) $(if $(LOCATION),--bigquery-location=$(LOCATION))

rehearse-bigquery: LOCATION ?= europe-west3
rehearse-bigquery: setup ## The same with the local BigQuery, which costs nothing and proves less
	@$(CHECK_BIGQUERY) --numprocesses=auto --bigquery-rehearsal --bigquery-location=$(LOCATION)

test-install: setup ## Install each package alone with plain pip, from git, wheel and sdist, on Python 3.11 to 3.13 (20 minutes)
	@$(BIN)/python tools/install_check.py $(ONLY)

test-servicetitan: setup ## Ask the real ServiceTitan how it behaves: reads only (docs/real-servicetitan.md; needs credentials)
	@PYTHONPATH=tools $(BIN)/python -m real_servicetitan $(ARGUMENTS)

test-prism: setup ## Let the tap read every stream from Prism, which serves ServiceTitan's own documents (needs npm; two minutes)
	@$(BIN)/python tools/prism_check.py

bench: setup ## Measure the pair and others of its kind (an hour and a half; ONLY="time target" for a part)
	@$(BIN)/python -m benchmarks --only $(ONLY)

lint: setup ## Check style, types, layers, generated files and documents
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python tools/vendor_runtime.py --check
	@$(BIN)/python tools/dependency_names.py
	@$(BIN)/python tools/schemas.py --check
	@$(BIN)/python tools/endpoints.py --check
	@$(BIN)/python tools/docs.py --check

format: setup ## Format the code
	@$(BIN)/python tools/vendor_runtime.py
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

docs: setup ## Write the generated parts of the documents anew
	@$(BIN)/python tools/docs.py

clean: ## Remove the environments and what the tools left behind
	@rm -rf .venv .tools .meltano .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
