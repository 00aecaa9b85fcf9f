# shellcheck shell=bash
# shellcheck disable=SC2154  # deploy.sh sets dry_run and verdicts
# For deploy.sh: runs commands. In a dry run, looks up what exists instead, says what would be created or changed, and
# prints the commands that would do so. $dry_run says whether it is one; $verdicts is the path of a file.

print_command() {
    local word words=()
    for word in "$@"; do
        if [[ $word =~ ^[][A-Za-z0-9_./:=@,+*%-]+$ ]]; then words+=("$word"); else words+=("${word@Q}"); fi
    done
    echo "${words[*]}"
}

run() {
    print_command "$@"
    $dry_run || "$@"
}

# --- What a dry run says of a resource: unchanged, create, change from what to what, or unknown ---

# Arguments: the verdict, the resource, and lines of differences.
say() {
    echo "$1" >>"$verdicts"
    echo "# $1: $2"
    if [ -n "${3-}" ]; then echo "#     ${3//$'\n'/$'\n'#     }"; fi
}

count_verdicts() {
    local verdict counts=()
    for verdict in create change unknown unchanged; do
        counts+=("$(grep -c "^$verdict$" "$verdicts" || true)")
    done
    printf '# %s to create, %s to change, %s unknown, %s unchanged\n' "${counts[@]}"
}

# Reads a resource into $found. Fails if it does not exist; $why is set if that cannot be known.
look_up() {
    local said code=0
    why=''
    said=$(mktemp)
    found=$("$@" 2>"$said" </dev/null) || code=$?
    if [ $code != 0 ] && { [ $code = 127 ] || ! grep -qiE 'not[ _]found|does not exist' "$said"; }; then
        why=$(head -c 300 "$said" | head -n 1)
        why=${why:-exit code $code}
    fi
    rm -f "$said"
    return $code
}

differences() {
    local python=.venv/bin/python
    [ -x "$python" ] || python=python3
    "$python" deploy/differences.py "$@"
}

# Succeeds if a resource exists. Arguments: its name, and the command that describes it.
exists() {
    local name="$1"
    shift
    if ! $dry_run; then
        "$@" >/dev/null 2>&1
    elif look_up "$@"; then
        say unchanged "$name"
    elif [ -n "$why" ]; then
        say unknown "$name" "$why"
        return 1
    else
        say create "$name"
        return 1
    fi
}

# Brings a resource to what a file says. A dry run prints the command only if the resource differs from the file.
# Arguments: name, file, the command that describes the resource, --, the command. A word VERB in it becomes create or update.
apply() {
    local name="$1" file="$2" describe=() lines verb=update word command=()
    shift 2
    while [ "$1" != -- ]; do
        describe+=("$1")
        shift
    done
    shift
    if ! $dry_run; then
        if [[ " $* " == *" VERB "* ]] && ! "${describe[@]}" >/dev/null 2>&1; then verb=create; fi
    elif look_up "${describe[@]}" --format=json; then
        lines=$(differences fields "$file" <<<"$found")
        if [ -z "$lines" ]; then
            say unchanged "$name"
            return
        fi
        say change "$name" "$lines"
    else
        verb=create
        if [ -n "$why" ]; then say unknown "$name" "$why"; else say create "$name"; fi
    fi
    for word in "$@"; do
        if [ "$word" = VERB ]; then word=$verb; fi
        command+=("$word")
    done
    run "${command[@]}"
}

# Prints the output of a command that changes nothing. A dry run that cannot run it prints the first argument instead.
ask() {
    local placeholder="$1"
    shift
    if ! $dry_run; then
        "$@"
    elif look_up "$@" && [ -n "$found" ]; then
        echo "$found"
    else
        echo "$placeholder"
    fi
}

# A dry run of a grant: looks for it in the policy of the same resource.
compare_grant() {
    local word role='' member='' policy=() thing=()
    for word in "$@"; do
        case "$word" in
        add-iam-policy-binding) policy+=(get-iam-policy) ;;
        --role=*) role=${word#*=} ;;
        --member=*) member=${word#*=} ;;
        --condition=*) ;;
        --*) policy+=("$word") ;;
        *)
            policy+=("$word")
            thing+=("$word")
            ;;
        esac
    done
    local name="$role of ${member#*:} on ${thing[*]:1}"
    if ! look_up "${policy[@]}" --format=json; then
        if [ -n "$why" ]; then say unknown "$name" "$why"; else say create "$name"; fi
    elif [ -z "$(differences binding "$role" "$member" <<<"$found")" ]; then
        say unchanged "$name"
        return
    else
        say create "$name"
    fi
    print_command "$@"
}

# Grants access. A new account takes a while to be known everywhere, so this retries.
grant() {
    local try
    if $dry_run; then
        compare_grant "$@"
        return
    fi
    print_command "$@"
    for ((try = 1; try < TRIES; try++)); do
        if "$@" >/dev/null; then return; fi
        sleep "${DEPLOY_RETRY_SECONDS:-10}"
    done
    "$@" >/dev/null
}
