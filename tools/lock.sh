#!/usr/bin/env bash
# Compiles requirements.lock from the packages' own pyproject.toml files: every platform and every Python from 3.11 on,
# with hashes, no addresses; the emulator's lock file; and those of dbt and of the targets that the benchmarks compare
# with, each for the Python that it needs.
# Usage: tools/lock.sh [--upgrade]
set -euo pipefail
cd "$(dirname "$0")/.."

uv=$(tools/setup.sh --uv)
compile() {
    "$uv" pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate \
        --custom-compile-command "tools/lock.sh" "$@"
}

compile --python-version 3.11 \
    --group dev --output-file requirements.lock "$@" fleet/pyproject.toml sandbox/pyproject.toml \
    tap-servicetitan/pyproject.toml target-bigquery-softdelete/pyproject.toml

# Without what it depends on: that is in the first one.
compile --python-version 3.13 --no-deps --output-file sandbox/emulator.txt "$@" sandbox/emulator.in

for environment in benchmarks/rivals/*.in tests/support/dbt/*.in; do
    version=$(sed -n '1s/^# Python \([0-9.]*\):.*/\1/p' "$environment")
    compile --python-version "$version" --output-file "${environment%.in}.txt" "$@" "$environment"
done
