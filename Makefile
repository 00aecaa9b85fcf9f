# Everything here sets itself up: a Python 3 with pip and a package registry are enough. See CONTRIBUTING.md.
.DEFAULT_GOAL := help
SHELL := /bin/bash
BIN := .venv/bin
# A registry or a proxy of a company's own is trusted as far as the machine trusts it.
export UV_SYSTEM_CERTS := true

.PHONY: help setup demo tutorial fleet test test-slow test-long test-bigquery rehearse-bigquery test-install wheels test-prism test-servicetitan bench lint format docs docs-site docs-serve clean

help: ## Show what can be done
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-17s %s\n", $$1, $$2}'

setup: ## Install everything into .venv, from the lock file
	@tools/setup.sh

demo: setup ## Sync two companies, change them, and show what happened
	@$(BIN)/python tools/demo.py

tutorial: setup ## From records to a chart (docs/tutorial/README.md)
	@$(BIN)/python tools/tutorial.py

COMPANIES ?= 30
TASKS ?= 4
PARALLEL ?= 1

fleet: setup ## Rehearse a night: [COMPANIES=30] [TASKS=4] [PARALLEL=1]
	@mkdir -p output
	@$(BIN)/python -m tools.fleet --companies $(COMPANIES) --tasks $(TASKS) --parallel $(PARALLEL) --report output/fleet.html

# Whole files go to a worker each, because a file's tests share what they set up.
TEST = $(BIN)/pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder

test: setup ## Run what a merge needs, against local services
	@$(TEST)

test-slow: setup ## Run the slow ones, which tests/slow.txt lists
	@$(TEST) -m "slow and not long"

test-long: setup ## Run the long tests: random schedules, large tables
	@$(BIN)/pytest --numprocesses=2 --dist=load -m long

# What both have in common. A worker waits for BigQuery most of the time.
CHECK_BIGQUERY = $(BIN)/pytest tests --dist=load --timeout=1200 -m "bigquery and not long" --bigquery-report=docs/real-bigquery.md

test-bigquery: setup ## Test in a real project: PROJECT=... [LOCATION=...]
	$(if $(filter command line,$(origin PROJECT)),,$(error say which project to use: make test-bigquery PROJECT=my-project [LOCATION=europe-west3]))
	@$(CHECK_BIGQUERY) --numprocesses=8 --bigquery-project=$(PROJECT) $(if $(LOCATION),--bigquery-location=$(LOCATION))

rehearse-bigquery: LOCATION ?= europe-west3
rehearse-bigquery: setup ## The same with the local BigQuery: free, and proves less
	@$(CHECK_BIGQUERY) --numprocesses=auto --bigquery-rehearsal --bigquery-location=$(LOCATION)

test-install: setup ## Install each package in each way: [ONLY="3.14 uv"]
	@$(BIN)/python tools/install_check.py $(ONLY)

wheels: setup ## Download what an offline set-up needs: WHEELS_TO=folder
	$(if $(WHEELS_TO),,$(error say where to: make wheels WHEELS_TO=folder))
	@tools/setup.sh --wheels $(WHEELS_TO)

test-servicetitan: setup ## Ask the real ServiceTitan how it behaves (reads only)
	@PYTHONPATH=tools $(BIN)/python -m real_servicetitan $(ARGUMENTS)

test-prism: setup ## Read all streams from ServiceTitan's documents (npm)
	@$(BIN)/python tools/prism_check.py

bench: setup ## Measure against others, 90 min: [ONLY="time target"]
	@$(BIN)/python -m benchmarks --only $(ONLY)

SCHEMA = $(BIN)/check-jsonschema --quiet --builtin-schema
# Without the notice that the theme gets fixes until May 2027 only: CONTRIBUTING.md, "Documents", says what then.
MKDOCS = NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs

lint: setup ## Check style, types, layers, generated files, documents
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python tools/vendor_runtime.py --check
	@$(BIN)/python tools/package_metadata.py --check
	@$(BIN)/python tools/dependency_names.py
	@$(BIN)/python tools/distributions.py --check
	@$(BIN)/python tools/schemas.py --check
	@$(BIN)/python tools/endpoints.py --check
	@$(BIN)/python tools/plugin_definitions.py --check
	@$(BIN)/python tools/meanings.py
	@$(BIN)/python tools/dictionary.py --check
	@$(BIN)/python tools/dbt_package.py --check
	@$(BIN)/python tools/docs.py --check
	@log=$$($(MKDOCS) build 2>&1) || { echo "$$log"; exit 1; }  # with --quiet, no warning would fail it
	@$(BIN)/typos
	@$(BIN)/zizmor --offline --quiet --persona=pedantic .github
	@$(SCHEMA) vendor.github-workflows .github/workflows/*.yml
	@$(SCHEMA) custom.github-workflows-require-timeout .github/workflows/*.yml
	@$(SCHEMA) vendor.dependabot .github/dependabot.yml
	@$(SCHEMA) vendor.github-issue-forms .github/ISSUE_TEMPLATE/[!c]*.yml
	@$(SCHEMA) vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	@$(SCHEMA) vendor.cloudbuild deploy/cloudbuild.yaml

format: setup ## Format the code
	@$(BIN)/python tools/vendor_runtime.py
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

docs: setup ## Write the generated parts of the documents anew
	@$(BIN)/python tools/dictionary.py
	@$(BIN)/python tools/dbt_package.py
	@$(BIN)/python tools/docs.py

docs-site: setup ## Build the documents as a web site, in output/site
	@$(MKDOCS) build

docs-serve: setup ## Show the documents in a browser, anew at each change
	@$(MKDOCS) serve --open

clean: ## Remove the environments and what the tools left behind
	@rm -rf .venv .tools .meltano .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
