#!/usr/bin/env bash
# Builds the image, and uses it to run one company twice against the sandbox, as the image's own user.
# Usage: deploy/image_check.sh [BASE_IMAGE]    build on this base image; default: that of the Dockerfile
#        deploy/image_check.sh --local-base    make a base image first, if no image registry can be reached
# Needs buildah, and root or user namespaces; --local-base needs root, debootstrap and the Python that .venv was made from.
set -euo pipefail
cd "$(dirname "$0")/.."

base_packages=(ca-certificates libbz2-1.0 libffi8 liblzma5 libncursesw6 libreadline8 libsqlite3-0 libssl3 zlib1g)

fail() {
    echo "image_check: $1" >&2
    exit 1
}

step() {
    echo "image_check: $1" >&2
}

# Makes a base image like python:3.13-slim-bookworm: Debian, with a Python in /usr/local.
make_base() {
    local root="$work/base" python container
    [ "$(id -u)" = 0 ] || fail "--local-base needs root"
    command -v debootstrap >/dev/null || fail "--local-base needs debootstrap"
    python=$(.venv/bin/python -c "import sys; print(sys.base_prefix)")
    step "making a base image from Debian and $python"
    debootstrap --variant=minbase --include="$(IFS=,; echo "${base_packages[*]}")" bookworm "$root" >"$work/debootstrap.log" ||
        fail "debootstrap failed: $(tail -n 3 "$work/debootstrap.log")"
    cp -a "$python/bin" "$python/lib" "$python/include" "$root/usr/local/"
    chroot "$root" ldconfig
    container=$("${buildah[@]}" from scratch)
    "${buildah[@]}" add --quiet "$container" "$root" / >/dev/null
    "${buildah[@]}" config --env PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
    "${buildah[@]}" commit --quiet "$container" localhost/etl-base >/dev/null
    rm -rf "$root"
}

# Mounts the machine's certificates and registry settings during the build.
build_options() {
    local path
    for path in /etc/ssl/certs /etc/pip.conf /etc/uv; do
        if [ -e "$path" ]; then printf '%s\n' --volume "$path:$path:ro"; fi
    done
}

main() {
    local options=() image=localhost/servicetitan-to-bigquery container
    command -v buildah >/dev/null || fail "buildah is not installed"
    make --silent setup
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    buildah=(buildah --storage-driver "${STORAGE_DRIVER:-overlay}" --root "$work/storage" --runroot "$work/runroot")
    export BUILDAH_ISOLATION=chroot

    if [ "${1:-}" = --local-base ]; then
        make_base
        options+=(--build-arg BASE_IMAGE=localhost/etl-base)
    elif [ -n "${1:-}" ]; then
        options+=(--build-arg "BASE_IMAGE=$1")
    fi
    mapfile -t -O "${#options[@]}" options < <(build_options)
    step "building the image"
    "${buildah[@]}" build --quiet --file deploy/Dockerfile --tag "$image" "${options[@]}" .
    step "running it"
    container=$("${buildah[@]}" from "$image")
    .venv/bin/python tools/image_check.py "$container" -- "${buildah[@]}"
}

main "$@"
