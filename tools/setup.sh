#!/usr/bin/env bash
# Builds .venv from requirements.lock, on a machine that has only a Python 3 with pip and a package registry.
# Usage: tools/setup.sh                     set up (does nothing when the environment is current)
#        tools/setup.sh --uv                print the path of uv, fetching it when there is none
#        tools/setup.sh --python VERSION    print the path of a Python, fetching it when there is none
#        tools/setup.sh --wheels FOLDER     download everything that a set-up needs into a folder
# Variables: PYTHON=3.14    the Python of .venv; without it, the first of 3.13, 3.12 and 3.14 that is there
#            SANDBOX=no     leave the sandbox out, which needs 3.12; then 3.11 will do, too
#            WHEELS=FOLDER  take everything from that folder, and nothing from a registry
set -euo pipefail
cd "$(dirname "$0")/.."

# A registry or a proxy of a company's own is trusted as far as the machine trusts it.
export UV_SYSTEM_CERTS=true

uv_version="0.13.9"
pythons=(3.13 3.12 3.14)
packages=(fleet tap-servicetitan target-bigquery-softdelete)
sandbox="${SANDBOX:-yes}"
from_folder=()
if [ -n "${WHEELS:-}" ]; then
    # uv and pip would look in the folders and registries that these name, too.
    unset PIP_FIND_LINKS UV_FIND_LINKS PIP_INDEX_URL UV_INDEX UV_INDEX_URL UV_DEFAULT_INDEX
    from_folder=(--no-index --find-links "$(cd "$WHEELS" && pwd)")
fi

fail() {
    echo "setup: $1" >&2
    exit 1
}

find_uv() {
    local local_uv=".tools/uv/bin/uv"
    if command -v uv >/dev/null 2>&1; then
        command -v uv
        return
    fi
    if [ ! -x "$local_uv" ]; then
        command -v python3 >/dev/null 2>&1 || fail "no uv and no python3 on the PATH: install one of them"
        python3 -m pip --version >/dev/null 2>&1 ||
            fail "$(command -v python3) has no pip: install it (Debian, Ubuntu: apt-get install python3-pip), or install uv"
        echo "setup: fetching uv $uv_version" >&2
        python3 -m pip install --quiet --disable-pip-version-check --target .tools/uv \
            ${from_folder[@]+"${from_folder[@]}"} "uv==$uv_version" >&2 ||
            fail "pip could not install uv: check that ${WHEELS:-a package registry} can be reached"
    fi
    echo "$PWD/$local_uv"
}

# uv looks on the PATH and in its own folder; pyenv hides its interpreters from both.
installed_python() {
    local uv="$1" version="$2" candidate
    if candidate=$("$uv" python find --no-project --no-python-downloads "$version" 2>/dev/null); then
        echo "$candidate"
        return
    fi
    for candidate in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$version".*/bin/python; do
        if [ -x "$candidate" ]; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

# The first of these versions that is there; else the first of them is fetched.
find_python() {
    local uv="$1" version
    shift
    for version in "$@"; do
        if installed_python "$uv" "$version"; then return; fi
    done
    echo "setup: fetching Python $1" >&2
    "$uv" python install "$1" >&2 || fail "no Python $* here and uv could not fetch one: install it and run this again"
    "$uv" python find --no-project "$1"
}

# The emulator's wheel runs on more Pythons than it declares, which pip can be told and uv cannot.
emulator=(--no-deps --ignore-requires-python --require-hashes --requirement sandbox/emulator.txt)

download() {
    local folder="$1"
    .venv/bin/python -m pip download --quiet --require-hashes --requirement requirements.lock --dest "$folder"
    .venv/bin/python -m pip download --quiet "${emulator[@]}" --dest "$folder"
}

build() {
    local uv="$1" python="$2" package editable=()
    if [ "$sandbox" != no ]; then packages+=(sandbox); fi
    for package in "${packages[@]}"; do editable+=(--editable "./$package"); done

    echo "setup: building .venv with $("$python" --version)" >&2
    "$uv" venv --quiet --clear --no-project --python "$python" .venv
    # Compiled now and not at the first import: where PYTHONDONTWRITEBYTECODE is set, every process would compile anew
    # what it imports, and start twice as slowly.
    "$uv" pip install --quiet --python .venv/bin/python --compile-bytecode ${from_folder[@]+"${from_folder[@]}"} \
        --require-hashes --requirement requirements.lock
    if [ "$sandbox" != no ]; then
        .venv/bin/python -m pip install --quiet --disable-pip-version-check \
            ${from_folder[@]+"${from_folder[@]}"} "${emulator[@]}"
    fi
    # The build backend is in the lock file as well, so nothing unpinned is fetched here.
    "$uv" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation "${editable[@]}"
}

main() {
    local uv stamp wanted
    uv=$(find_uv)
    case "${1:-}" in
    --uv)
        echo "$uv"
        return
        ;;
    --python)
        find_python "$uv" "$2"
        return
        ;;
    esac

    wanted=("${pythons[@]}")
    if [ "$sandbox" = no ]; then wanted+=(3.11); fi
    if [ -n "${PYTHON:-}" ]; then wanted=("$PYTHON"); fi
    stamp=$({
        cat requirements.lock sandbox/emulator.txt pyproject.toml ./*/pyproject.toml tools/setup.sh
        echo "${PYTHON:-} $sandbox"
    } | cksum)
    if [ ! -x .venv/bin/python ] || [ "$(cat .venv/setup-stamp 2>/dev/null)" != "$stamp" ]; then
        build "$uv" "$(find_python "$uv" "${wanted[@]}")"
        echo "$stamp" >.venv/setup-stamp
    fi
    if [ "${1:-}" = --wheels ]; then download "$2"; fi
}

main "$@"
