#!/usr/bin/env bash
# Runs Meltano, for one company without the fleet, so that no secret stays on the disk. Run it in the project's folder.
# Usage: tools/meltano.sh run servicetitan-to-bigquery
# Meltano writes all settings of a plugin into a file that anybody may read, and leaves it there when it is killed. Here
# what it writes is for this user only, and such files are removed before and after. Only one run at a time is possible.
set -euo pipefail
umask 077

folder="${MELTANO_SYS_DIR_ROOT:-.meltano}/run"
mkdir -p "$folder"
chmod 700 "$folder"

remove_secrets() {
    find "$folder" -name '*.config.json' -delete
}

# The lock ends with the last process that has it: also with a Meltano that has outlived this script.
exec 9>"$folder/.lock"
if ! flock --nonblock 9; then
    echo "meltano.sh: another run is still using $folder: wait until it ends, or end it" >&2
    exit 1
fi
remove_secrets
trap remove_secrets EXIT

meltano "$@" &
child=$!
trap 'kill -TERM "$child" 2>/dev/null || true' TERM INT
code=0
wait "$child" || code=$?
# A signal ends the first wait before Meltano has ended.
while kill -0 "$child" 2>/dev/null; do
    code=0
    wait "$child" || code=$?
done
exit "$code"
