#!/usr/bin/env bash
# Builds .venv from requirements.lock, on a machine that has only a Python 3 with pip and a package registry.
# Usage: tools/setup.sh                     set up (does nothing when the environment is current)
#        tools/setup.sh --uv                print the path of uv, fetching it when there is none
#        tools/setup.sh --python VERSION    print the path of a Python, fetching it when there is none
set -euo pipefail
cd "$(dirname "$0")/.."

# A registry or a proxy of a company's own is trusted as far as the machine trusts it.
export UV_SYSTEM_CERTS=true

uv_version="0.13.9"
python_version="3.13"
packages=(fleet sandbox tap-servicetitan target-bigquery-softdelete)

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
        echo "setup: fetching uv $uv_version" >&2
        python3 -m pip install --quiet --disable-pip-version-check --target .tools/uv "uv==$uv_version" >&2 ||
            fail "pip could not install uv: check that a package registry can be reached"
    fi
    echo "$PWD/$local_uv"
}

# uv looks on the PATH and in its own folder; pyenv hides its interpreters from both.
find_python() {
    local uv="$1" python_version="$2" candidate
    if candidate=$("$uv" python find --no-project --no-python-downloads "$python_version" 2>/dev/null); then
        echo "$candidate"
        return
    fi
    for candidate in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$python_version".*/bin/python; do
        if [ -x "$candidate" ]; then
            echo "$candidate"
            return
        fi
    done
    echo "setup: fetching Python $python_version" >&2
    "$uv" python install "$python_version" >&2 ||
        fail "no Python $python_version here and uv could not fetch one: install it and run this again"
    "$uv" python find --no-project "$python_version"
}

main() {
    local uv stamp python editable=() package
    uv=$(find_uv)
    if [ "${1:-}" = "--uv" ]; then
        echo "$uv"
        return
    fi
    if [ "${1:-}" = "--python" ]; then
        find_python "$uv" "$2"
        return
    fi

    stamp=$(cat requirements.lock pyproject.toml ./*/pyproject.toml tools/setup.sh | cksum)
    if [ -x .venv/bin/python ] && [ "$(cat .venv/setup-stamp 2>/dev/null)" = "$stamp" ]; then
        return
    fi

    python=$(find_python "$uv" "$python_version")
    for package in "${packages[@]}"; do editable+=(--editable "./$package"); done

    echo "setup: building .venv with $("$python" --version)" >&2
    "$uv" venv --quiet --clear --no-project --python "$python" .venv
    # Compiled now and not at the first import: where PYTHONDONTWRITEBYTECODE is set, every process would compile anew
    # what it imports, and start twice as slowly.
    "$uv" pip install --quiet --python .venv/bin/python --compile-bytecode \
        --require-hashes --requirement requirements.lock
    # The build backend is in the lock file as well, so nothing unpinned is fetched here.
    "$uv" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation "${editable[@]}"
    echo "$stamp" >.venv/setup-stamp
}

main "$@"
