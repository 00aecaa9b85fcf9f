#!/usr/bin/env bash
# Deploys the fleet to Google Cloud, or updates it. It is safe to run again.
# Usage: deploy/deploy.sh [--dry-run] dev|qua|pro
#            everything: the fleet's project, and access to each enabled company in the registry. Then the job checks all
#            companies and runs one: the first of the registry, or CANARY=company_id; CANARY=none runs nothing
#        deploy/deploy.sh [--dry-run] dev|qua|pro company PROJECT LOCATION [ACCOUNT] REFERENCE...
#            access to one company only. Give its project, the location of its datasets, and its secrets as references,
#            as in the registry: secret://projects/P/secrets/S/versions/V
#            With an ACCOUNT, such as etl-loader@PROJECT.iam.gserviceaccount.com, only that one may write there, and
#            etl-runner may act as it. It is made if it does not exist.
# --dry-run changes nothing: it looks up what exists, says what would be created or changed, and prints the commands
# that would do so. The settings are in deploy/environments. See docs/how-to/deploy.md.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

readonly JOB=etl METRIC=etl_company_done REPOSITORY=etl
readonly SETTINGS=(
    PROJECT_ID REGION BIGQUERY_LOCATION STATE_BUCKET BUILD_BUCKET ALERT_EMAIL BASE_IMAGE TASKS COMPANIES_AT_A_TIME CPU
    MEMORY COMPANY_TIMEOUT_MINUTES TASK_TIMEOUT_SECONDS TASK_RETRIES SCHEDULE TIME_ZONE STALE_HOURS VERIFY_SCHEDULE
    GROUP_PROJECT GROUP_DATASET GROUP_SCHEDULE NOTIFY RUNBOOK_URL
)
readonly APIS=(
    artifactregistry bigquery cloudbuild cloudscheduler iam iamcredentials logging monitoring run secretmanager storage
)
readonly TRIES=6

dry_run=false
# What went wrong, but stopped nothing.
troubles=()

fail() {
    echo "deploy: $1" >&2
    exit 1
}

# shellcheck source=deploy/commands.sh
source deploy/commands.sh

# --- Files and SQL ---

# Prints a file with its placeholders, such as ${REGION}, replaced.
render() {
    local text name
    text=$(<"$1")
    for name in "${SETTINGS[@]}" STALE_SECONDS JOB METRIC ENVIRONMENT IMAGE RUNNER CHANNEL COMPANY_PROJECT \
        COMPANY_LOCATION LOADER JOB_NAME JOB_ARGS JOB_TASKS JOB_RETRIES; do
        # The quotes keep a & of a value from being the name that is replaced.
        text=${text//"\${$name}"/"${!name-}"}
    done
    echo "$text"
}

# Prints the path of a file that can be inspected afterwards.
output_path() {
    local folder="${DEPLOY_OUTPUT:-output/deploy}/$ENVIRONMENT"
    mkdir -p "$folder"
    echo "$folder/$1"
}

# Writes a file with its placeholders replaced, and prints its path. A second argument is another name for it.
rendered() {
    local path
    path=$(output_path "${2-$(basename "$1")}")
    render "$1" >"$path"
    echo "$path"
}

run_sql() {
    local project="$1" location="$2" sql command lines name
    name="BigQuery: $(basename "$3") in $project"
    sql=$(render "$3")
    command=(bq "--project_id=$project" "--location=$location" query --quiet --use_legacy_sql=false)
    if $dry_run; then
        if ! lines=$(differences sql <<<"$sql" 2>&1); then
            say unknown "$name" "$lines"
        elif [ -z "$lines" ]; then
            say unchanged "$name"
            return
        else
            say change "$name" "$lines"
        fi
    fi
    printf "%s <<'SQL'\n%s\nSQL\n" "$(print_command "${command[@]}")" "$sql"
    if ! $dry_run; then "${command[@]}" <<<"$sql"; fi
}

# --- The resources, each after those that it needs ---

# Whether views over all companies are kept: GROUP_PROJECT names their project.
has_group() {
    [ "$GROUP_PROJECT" != none ]
}

enable_apis() {
    local api missing=()
    if $dry_run && look_up gcloud services list --enabled "--format=value(config.name)" "--project=$PROJECT_ID"; then
        for api in "${APIS[@]}"; do
            grep -qxF "$api.googleapis.com" <<<"$found" || missing+=("$api")
        done
        if [ ${#missing[@]} = 0 ]; then
            say unchanged "APIs"
            return
        fi
        say change "APIs" "$(printf '%s.googleapis.com: off → on\n' "${missing[@]}")"
    elif $dry_run; then
        say unknown "APIs" "$why"
    fi
    run gcloud services enable "${APIS[@]/%/.googleapis.com}" "--project=$PROJECT_ID"
}

make_account() {
    local email="$1@$PROJECT_ID.iam.gserviceaccount.com"
    exists "account $1" gcloud iam service-accounts describe "$email" "--project=$PROJECT_ID" ||
        run gcloud iam service-accounts create "$1" "--display-name=$2" "--project=$PROJECT_ID"
}

make_accounts() {
    make_account etl-runner "Runs the companies"
    make_account etl-scheduler "Starts the job"
    make_account etl-builder "Builds the image"
}

# Arguments: name, file with the lifecycle, whether earlier versions of objects are kept.
make_bucket() {
    local bucket="gs://$1" wanted describe update
    describe=(gcloud storage buckets describe "$bucket" "--project=$PROJECT_ID")
    update=(gcloud storage buckets update "$bucket" --uniform-bucket-level-access --public-access-prevention
        "--lifecycle-file=$2" "--project=$PROJECT_ID")
    if $3; then update+=(--versioning); fi
    if $dry_run && look_up "${describe[@]}"; then
        wanted=$(output_path bucket.json)
        printf '{"uniform_bucket_level_access": true, "public_access_prevention": "enforced", %s "lifecycle_config": %s}\n' \
            "$(if $3; then echo '"versioning_enabled": true,'; fi)" "$(<"$2")" >"$wanted"
        apply "bucket $1" "$wanted" "${describe[@]}" -- "${update[@]}"
        return
    fi
    exists "bucket $1" "${describe[@]}" ||
        run gcloud storage buckets create "$bucket" "--location=$REGION" --uniform-bucket-level-access \
            --public-access-prevention "--project=$PROJECT_ID"
    run "${update[@]}"
}

make_state_bucket() {
    make_bucket "$STATE_BUCKET" deploy/bucket_lifecycle.json true
    grant gcloud storage buckets add-iam-policy-binding "gs://$STATE_BUCKET" "--member=serviceAccount:$RUNNER" \
        --role=roles/storage.objectAdmin "--project=$PROJECT_ID"
}

make_repository() {
    exists "repository $REPOSITORY" gcloud artifacts repositories describe "$REPOSITORY" "--location=$REGION" "--project=$PROJECT_ID" ||
        run gcloud artifacts repositories create "$REPOSITORY" --repository-format=docker --immutable-tags \
            "--location=$REGION" "--project=$PROJECT_ID"
}

build_image() {
    local builder="etl-builder@$PROJECT_ID.iam.gserviceaccount.com"
    make_repository
    make_bucket "$BUILD_BUCKET" deploy/build_lifecycle.json false
    grant gcloud artifacts repositories add-iam-policy-binding "$REPOSITORY" "--member=serviceAccount:$builder" \
        --role=roles/artifactregistry.writer "--location=$REGION" "--project=$PROJECT_ID"
    grant gcloud storage buckets add-iam-policy-binding "gs://$BUILD_BUCKET" "--member=serviceAccount:$builder" \
        --role=roles/storage.objectViewer "--project=$PROJECT_ID"
    grant gcloud projects add-iam-policy-binding "$PROJECT_ID" "--member=serviceAccount:$builder" \
        --role=roles/logging.logWriter --condition=None
    exists "image $IMAGE" gcloud artifacts docker images describe "$IMAGE" "--project=$PROJECT_ID" ||
        run gcloud builds submit . --config=deploy/cloudbuild.yaml "--region=$REGION" "--project=$PROJECT_ID" \
            "--service-account=projects/$PROJECT_ID/serviceAccounts/$builder" \
            "--gcs-source-staging-dir=gs://$BUILD_BUCKET/source" \
            "--substitutions=_IMAGE=$IMAGE,_BASE_IMAGE=$BASE_IMAGE"
}

make_registry() {
    run_sql "$PROJECT_ID" "$BIGQUERY_LOCATION" deploy/sql/companies.sql
    run_sql "$PROJECT_ID" "$BIGQUERY_LOCATION" deploy/sql/registry_access.sql
}

# Arguments: its name, its arguments as JSON, the number of its tasks, and how often one is tried again.
# shellcheck disable=SC2034  # render reads them indirectly
make_job() {
    local JOB_NAME="$1" JOB_ARGS="$2" JOB_TASKS="$3" JOB_RETRIES="$4" file
    file=$(rendered deploy/job.yaml "$1.yaml")
    apply "job $1" "$file" gcloud run jobs describe "$1" "--region=$REGION" "--project=$PROJECT_ID" -- \
        gcloud run jobs replace "$file" "--region=$REGION" "--project=$PROJECT_ID"
}

# Arguments: the name of a job, and when it starts.
make_schedule() {
    local scheduler="etl-scheduler@$PROJECT_ID.iam.gserviceaccount.com" uri wanted
    uri="https://run.googleapis.com/v2/projects/$PROJECT_ID/locations/$REGION/jobs/$1:run"
    wanted=$(output_path "$1.schedule.json")
    printf '{"schedule": "%s", "timeZone": "%s", "httpTarget": {"uri": "%s", "oauthToken": {"serviceAccountEmail": "%s"}}}\n' \
        "$2" "$TIME_ZONE" "$uri" "$scheduler" >"$wanted"
    grant gcloud run jobs add-iam-policy-binding "$1" "--member=serviceAccount:$scheduler" --role=roles/run.invoker \
        "--region=$REGION" "--project=$PROJECT_ID"
    apply "schedule $1" "$wanted" gcloud scheduler jobs describe "$1" "--location=$REGION" "--project=$PROJECT_ID" -- \
        gcloud scheduler jobs VERB http "$1" "--schedule=$2" "--time-zone=$TIME_ZONE" --http-method=POST \
        "--uri=$uri" "--oauth-service-account-email=$scheduler" "--location=$REGION" "--project=$PROJECT_ID"
}

make_jobs() {
    make_job "$JOB" '["run"]' "$TASKS" "$TASK_RETRIES"
    make_schedule "$JOB" "$SCHEDULE"
    # What these find, a second try would find again. Their alert does not wait for one.
    make_job "$JOB-verify" '["verify"]' "$TASKS" 0
    make_schedule "$JOB-verify" "$VERIFY_SCHEDULE"
    if ! has_group; then return; fi
    make_job "$JOB-group-views" "[\"group-views\", \"--project=$GROUP_PROJECT\", \"--dataset=$GROUP_DATASET\"]" 1 0
    make_schedule "$JOB-group-views" "$GROUP_SCHEDULE"
    # Lets it run jobs there, and makes it the owner of the dataset that it creates, and of no other.
    grant gcloud projects add-iam-policy-binding "$GROUP_PROJECT" "--member=serviceAccount:$RUNNER" \
        --role=roles/bigquery.user --condition=None
}

make_metric() {
    local file
    file=$(rendered deploy/alerts/metric.json)
    apply "metric $METRIC" "$file" gcloud logging metrics describe "$METRIC" "--project=$PROJECT_ID" -- \
        gcloud logging metrics VERB "$METRIC" "--config-from-file=$file" "--project=$PROJECT_ID"
}

find_channel() {
    ask '' gcloud beta monitoring channels list "--filter=labels.email_address=\"$ALERT_EMAIL\"" \
        "--format=value(name)" --limit=1 "--project=$PROJECT_ID"
}

make_channel() {
    CHANNEL=$(find_channel)
    if [ -n "$CHANNEL" ]; then
        if $dry_run; then say unchanged "channel $ALERT_EMAIL"; fi
        return
    fi
    if $dry_run; then say create "channel $ALERT_EMAIL"; fi
    run gcloud beta monitoring channels create --type=email "--display-name=$JOB on call" \
        "--channel-labels=email_address=$ALERT_EMAIL" "--project=$PROJECT_ID"
    if $dry_run; then CHANNEL=CHANNEL; else CHANNEL=$(find_channel); fi
}

make_alert() {
    local file name
    file=$(rendered "deploy/alerts/$1.json")
    name=$(ask '' gcloud alpha monitoring policies list "--filter=displayName=\"$JOB: $2\"" "--format=value(name)" \
        "--project=$PROJECT_ID")
    if [ -n "$name" ]; then
        apply "alert $JOB: $2" "$file" gcloud alpha monitoring policies describe "$name" "--project=$PROJECT_ID" -- \
            gcloud alpha monitoring policies update "$name" "--policy-from-file=$file" "--project=$PROJECT_ID"
    else
        if $dry_run; then say create "alert $JOB: $2"; fi
        run gcloud alpha monitoring policies create "--policy-from-file=$file" "--project=$PROJECT_ID"
    fi
}

make_alerts() {
    make_metric
    make_channel
    make_alert execution_failed "an execution failed"
    make_alert company_failed "a company failed"
    make_alert company_stale "a company is stale"
    make_alert check_failed "a scheduled check failed"
}

# --- Companies ---

grant_secret() {
    if [[ ! $1 =~ ^secret://projects/([^/]+)/secrets/([^/]+)/versions/[^/]+$ ]]; then
        # Anything else may be a secret in the wrong place.
        local shown="a reference in the registry"
        [[ $1 =~ ^env:[A-Za-z_][A-Za-z0-9_]*$ ]] && shown=$1
        fail "$shown is not secret://projects/P/secrets/S/versions/V: the job can read no other kind of reference on Google Cloud"
    fi
    grant gcloud secrets add-iam-policy-binding "${BASH_REMATCH[2]}" "--member=serviceAccount:$RUNNER" \
        --role=roles/secretmanager.secretAccessor "--project=${BASH_REMATCH[1]}"
}

# Lets the job read the secrets of its channels for alerts.
grant_channels() {
    local reference
    while IFS= read -r reference; do
        if [ -n "$reference" ]; then grant_secret "$reference"; fi
    done < <(grep -o 'secret://[^"]*' <<<"$NOTIFY" | sort -u)
}

# Makes the account that loads one company's data, and lets the runner act as it.
make_loader() {
    local email="$1" name project
    [[ $email =~ ^([a-z][a-z0-9-]+)@([a-z][a-z0-9-]+)\.iam\.gserviceaccount\.com$ ]] ||
        fail "$email is not an account such as etl-loader@PROJECT.iam.gserviceaccount.com"
    name="${BASH_REMATCH[1]}" project="${BASH_REMATCH[2]}"
    exists "account $email" gcloud iam service-accounts describe "$email" "--project=$project" ||
        run gcloud iam service-accounts create "$name" "--display-name=Loads this company's data" "--project=$project"
    grant gcloud iam service-accounts add-iam-policy-binding "$email" "--member=serviceAccount:$RUNNER" \
        --role=roles/iam.serviceAccountTokenCreator "--project=$project"
}

# Arguments: project, location, then references and at most one account, in any order. Empty ones are skipped.
grant_company() {
    local given references=()
    COMPANY_PROJECT="$1" COMPANY_LOCATION="$2" LOADER="$RUNNER"
    shift 2
    for given in "$@"; do
        case "$given" in
        '') ;;
        *@*) LOADER="$given" ;;
        *) references+=("$given") ;;
        esac
    done
    if [ "$LOADER" != "$RUNNER" ]; then make_loader "$LOADER"; fi
    grant gcloud projects add-iam-policy-binding "$COMPANY_PROJECT" "--member=serviceAccount:$LOADER" \
        --role=roles/bigquery.jobUser --condition=None
    run_sql "$COMPANY_PROJECT" "$COMPANY_LOCATION" deploy/sql/company.sql
    if has_group; then run_sql "$COMPANY_PROJECT" "$COMPANY_LOCATION" deploy/sql/company_group.sql; fi
    for given in "${references[@]}"; do grant_secret "$given"; done
}

# A company whose access cannot be granted is named at the end, and stops no other.
grant_companies() {
    local rows fields sql code
    sql=$(render deploy/sql/access_needed.sql)
    rows=$(ask '' bq "--project_id=$PROJECT_ID" "--location=$BIGQUERY_LOCATION" --format=csv query --quiet \
        --use_legacy_sql=false --max_rows=10000 "${sql//$'\n'/ }")
    # The first line contains the column names. The last column has several references, with blanks between them.
    while IFS=', ' read -r -a fields; do
        canary=${canary:-${fields[0]}}
        # Not after `if` or `||`: there `set -e` would not hold in the subshell.
        set +e
        (
            set -e
            grant_company "${fields[@]:1}"
        ) </dev/null
        code=$?
        set -e
        if [ $code != 0 ]; then troubles+=("${fields[0]}: access could not be granted, see above"); fi
    done < <(tail -n +2 <<<"$rows")
}

# --- After a deployment ---

execute_job() {
    run gcloud run jobs execute "$JOB" --tasks=1 "--args=$1" --wait "--region=$REGION" "--project=$PROJECT_ID"
}

# Lets the new image check all companies, and run one. The others wait for the schedule.
try_canary() {
    if [ "$canary" = none ]; then return; fi
    if [ -z "$canary" ]; then
        echo "# no company is in the registry yet: nothing to try"
        return
    fi
    if ! execute_job check; then
        troubles+=("the job's check found something: its log says which company, and why")
    fi
    if ! execute_job "run,--company,$canary"; then
        troubles+=("$canary: the run did not end well: look at its log before the schedule runs the others. To go back: IMAGE_TAG=... deploy/deploy.sh $ENVIRONMENT")
    fi
}

# --- Main ---

read_settings() {
    local path="${DEPLOY_SETTINGS:-deploy/environments/$ENVIRONMENT.env}" name
    [ -r "$path" ] || fail "$path does not exist"
    # shellcheck source=deploy/environments/dev.env
    source "$path"
    for name in "${SETTINGS[@]}"; do
        [ -n "${!name-}" ] || fail "$path does not set $name"
    done
    if [ "$ENVIRONMENT" = pro ] && [[ ! $BASE_IMAGE =~ @sha256:[0-9a-f]{64}$ ]]; then
        local pinned="pro needs a BASE_IMAGE with its digest, such as python:3.13-slim-bookworm@sha256:...: docker buildx imagetools inspect $BASE_IMAGE shows it"
        if $dry_run; then echo "# $pinned"; else fail "$path: $pinned"; fi
    fi
    if ! $dry_run && [[ $PROJECT_ID$STATE_BUCKET$BUILD_BUCKET$ALERT_EMAIL == *example* ]]; then
        fail "$path still contains example names: replace them"
    fi
}

# The image tag is the commit that the image is built from. IMAGE_TAG overrides it, for example with an earlier image.
image_tag() {
    if [ -z "${IMAGE_TAG-}" ] && ! $dry_run && [ -n "$(git status --porcelain)" ]; then
        fail "there are uncommitted changes: commit them, or set IMAGE_TAG"
    fi
    echo "${IMAGE_TAG:-$(git rev-parse --short=12 HEAD)}"
}

deploy_everything() {
    local tag
    tag=$(image_tag)
    IMAGE="$REGION-docker.pkg.dev/$PROJECT_ID/$REPOSITORY/servicetitan-to-bigquery:$tag"
    enable_apis
    make_accounts
    make_state_bucket
    build_image
    make_registry
    make_jobs
    make_alerts
    grant_channels
    grant_companies
    try_canary
}

end() {
    if $dry_run; then count_verdicts; fi
    if [ ${#troubles[@]} = 0 ]; then return; fi
    printf 'deploy: %s\n' "${troubles[@]}" >&2
    exit 1
}

main() {
    if [ "${1-}" = --dry-run ]; then
        dry_run=true
        shift
    fi
    [[ ${1-} =~ ^(dev|qua|pro)$ ]] || fail "usage: deploy/deploy.sh [--dry-run] dev|qua|pro [company PROJECT LOCATION [ACCOUNT] REFERENCE...]"
    ENVIRONMENT="$1"
    read_settings
    # shellcheck disable=SC2034  # render reads it indirectly
    STALE_SECONDS=$((STALE_HOURS * 3600))
    RUNNER="etl-runner@$PROJECT_ID.iam.gserviceaccount.com"
    canary=${CANARY-}
    verdicts=$(mktemp)
    trap 'rm -f "$verdicts"' EXIT
    if [ $# = 1 ]; then
        deploy_everything
    elif [ "$2" = company ] && [ $# -gt 4 ]; then
        grant_company "${@:3}"
    else
        fail "usage: deploy/deploy.sh [--dry-run] $ENVIRONMENT company PROJECT LOCATION [ACCOUNT] REFERENCE..."
    fi
    end
}

main "$@"
