#!/usr/bin/env bash
# Compiles requirements.lock from the packages' own pyproject.toml files: every platform, with hashes, no addresses.
# Usage: tools/lock.sh [--upgrade]
set -euo pipefail
cd "$(dirname "$0")/.."

uv=$(tools/setup.sh --uv)
"$uv" pip compile --quiet --universal --python-version 3.13 --generate-hashes \
    --no-emit-index-url --no-emit-find-links \
    --no-emit-package plugin-runtime --no-emit-package orchestrator --no-emit-package sandbox \
    --no-emit-package tap-servicetitan --no-emit-package target-bigquery-softdelete \
    --custom-compile-command "tools/lock.sh" --no-annotate \
    --group dev --output-file requirements.lock "$@" pyproject.toml
