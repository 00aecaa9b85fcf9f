#!/usr/bin/env bash
# Runs the pair once, for one company. Its settings are environment variables: TAP_SERVICETITAN_..., TARGET_BIGQUERY_SOFTDELETE_...
# STATE is kept in a file. CATALOG, if set, is a catalog that selects the streams.
# Usage: run-pair [check]    check: only ask ServiceTitan what these credentials may read
set -euo pipefail

state="${STATE_FILE:-/state/state.json}"
umask 077

options=(--config ENV)
if [ -n "${CATALOG:-}" ]; then options+=(--catalog "$CATALOG"); fi

case "${1:-}" in
check) exec tap-servicetitan "${options[@]}" --test ;;
"") ;;
*)
    echo "run-pair: unknown argument $1: there is only check" >&2
    exit 2
    ;;
esac

if [ -s "$state" ]; then options+=(--state "$state"); fi
# Beside the state, so that what replaces it does so in one step.
work=$(mktemp -d "$(dirname "$state")/run.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkfifo "$work/pipe"

tap-servicetitan "${options[@]}" >"$work/pipe" &
tap=$!
target-bigquery-softdelete --config ENV <"$work/pipe" >"$work/states" &
target=$!
# `docker stop` reaches only this shell. Both then end as they do by themselves, and what is written stays written.
trap 'kill -TERM "$tap" "$target" 2>/dev/null || true' TERM INT

# The exit code of a process, also when a signal interrupts the wait for it.
finish() {
    local code
    while true; do
        code=0
        wait "$1" || code=$?
        if ! kill -0 "$1" 2>/dev/null; then return "$code"; fi
    done
}

code=0
finish "$tap" || code=$?
finish "$target" || code=$?

# Also when the run failed: the target writes a STATE only after the rows that it covers.
if [ -s "$work/states" ]; then
    tail -n 1 "$work/states" >"$work/state"
    mv "$work/state" "$state"
fi
exit "$code"
