#!/usr/bin/env bash
# Deploys the fleet to Google Cloud, or updates it. It is safe to run again.
# Usage: deploy/deploy.sh [--dry-run] dev|qua|pro
#            everything: the fleet's project, and access to each enabled company in the registry
#        deploy/deploy.sh [--dry-run] dev|qua|pro company PROJECT LOCATION [ACCOUNT] REFERENCE...
#            access to one company only. Give its project, the location of its datasets, and its secrets as references,
#            as in the registry: secret://projects/P/secrets/S/versions/V
#            With an ACCOUNT, such as etl-loader@PROJECT.iam.gserviceaccount.com, only that one may write there, and
#            etl-runner may act as it. It is made if it does not exist.
# --dry-run prints every command and runs none. The settings are in deploy/environments. See docs/how-to/deploy.md.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

readonly JOB=etl METRIC=etl_company_done REPOSITORY=etl
readonly SETTINGS=(
    PROJECT_ID REGION BIGQUERY_LOCATION STATE_BUCKET BUILD_BUCKET ALERT_EMAIL BASE_IMAGE TASKS COMPANIES_AT_A_TIME CPU
    MEMORY COMPANY_TIMEOUT_MINUTES TASK_TIMEOUT_SECONDS TASK_RETRIES SCHEDULE TIME_ZONE STALE_HOURS NOTIFY RUNBOOK_URL
)
readonly APIS=(
    artifactregistry bigquery cloudbuild cloudscheduler iam iamcredentials logging monitoring run secretmanager storage
)
readonly TRIES=6

dry_run=false

fail() {
    echo "deploy: $1" >&2
    exit 1
}

# --- Running commands, or printing them ---

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

# Succeeds if a resource exists. In a dry run no resource exists.
exists() {
    if $dry_run; then
        echo "# only if this does not find it: $(print_command "$@")"
        return 1
    fi
    "$@" >/dev/null 2>&1
}

# Prints the output of a command. A dry run prints the first argument instead.
ask() {
    local placeholder="$1"
    shift
    if $dry_run; then
        echo "# would query: $(print_command "$@")" >&2
        echo "$placeholder"
    else
        "$@"
    fi
}

# Grants access. A new account takes a while to be known everywhere, so this retries.
grant() {
    local try
    print_command "$@"
    if $dry_run; then return; fi
    for ((try = 1; try < TRIES; try++)); do
        if "$@" >/dev/null; then return; fi
        sleep "${DEPLOY_RETRY_SECONDS:-10}"
    done
    "$@" >/dev/null
}

# Prints a file with its placeholders, such as ${REGION}, replaced.
render() {
    local text name
    text=$(<"$1")
    for name in "${SETTINGS[@]}" STALE_SECONDS JOB METRIC ENVIRONMENT IMAGE RUNNER CHANNEL COMPANY_PROJECT \
        COMPANY_LOCATION LOADER; do
        # The quotes keep a & of a value from being the name that is replaced.
        text=${text//"\${$name}"/"${!name-}"}
    done
    echo "$text"
}

# Writes such a file, so that it can be inspected, and prints its path.
rendered() {
    local path
    path="${DEPLOY_OUTPUT:-output/deploy}/$ENVIRONMENT/$(basename "$1")"
    mkdir -p "$(dirname "$path")"
    render "$1" >"$path"
    echo "$path"
}

run_sql() {
    local project="$1" location="$2" sql command
    sql=$(render "$3")
    command=(bq "--project_id=$project" "--location=$location" query --quiet --use_legacy_sql=false)
    printf "%s <<'SQL'\n%s\nSQL\n" "$(print_command "${command[@]}")" "$sql"
    if ! $dry_run; then "${command[@]}" <<<"$sql"; fi
}

# --- The resources, each after those that it needs ---

enable_apis() {
    run gcloud services enable "${APIS[@]/%/.googleapis.com}" "--project=$PROJECT_ID"
}

make_account() {
    local email="$1@$PROJECT_ID.iam.gserviceaccount.com"
    exists gcloud iam service-accounts describe "$email" "--project=$PROJECT_ID" ||
        run gcloud iam service-accounts create "$1" "--display-name=$2" "--project=$PROJECT_ID"
}

make_accounts() {
    make_account etl-runner "Runs the companies"
    make_account etl-scheduler "Starts the job"
    make_account etl-builder "Builds the image"
}

make_bucket() {
    local bucket="gs://$1" lifecycle="$2"
    shift 2
    exists gcloud storage buckets describe "$bucket" "--project=$PROJECT_ID" ||
        run gcloud storage buckets create "$bucket" "--location=$REGION" --uniform-bucket-level-access \
            --public-access-prevention "--project=$PROJECT_ID"
    run gcloud storage buckets update "$bucket" --uniform-bucket-level-access --public-access-prevention \
        "--lifecycle-file=$lifecycle" "$@" "--project=$PROJECT_ID"
}

make_state_bucket() {
    make_bucket "$STATE_BUCKET" deploy/bucket_lifecycle.json --versioning
    grant gcloud storage buckets add-iam-policy-binding "gs://$STATE_BUCKET" "--member=serviceAccount:$RUNNER" \
        --role=roles/storage.objectAdmin "--project=$PROJECT_ID"
}

make_repository() {
    exists gcloud artifacts repositories describe "$REPOSITORY" "--location=$REGION" "--project=$PROJECT_ID" ||
        run gcloud artifacts repositories create "$REPOSITORY" --repository-format=docker --immutable-tags \
            "--location=$REGION" "--project=$PROJECT_ID"
}

build_image() {
    local builder="etl-builder@$PROJECT_ID.iam.gserviceaccount.com"
    make_repository
    make_bucket "$BUILD_BUCKET" deploy/build_lifecycle.json
    grant gcloud artifacts repositories add-iam-policy-binding "$REPOSITORY" "--member=serviceAccount:$builder" \
        --role=roles/artifactregistry.writer "--location=$REGION" "--project=$PROJECT_ID"
    grant gcloud storage buckets add-iam-policy-binding "gs://$BUILD_BUCKET" "--member=serviceAccount:$builder" \
        --role=roles/storage.objectViewer "--project=$PROJECT_ID"
    grant gcloud projects add-iam-policy-binding "$PROJECT_ID" "--member=serviceAccount:$builder" \
        --role=roles/logging.logWriter --condition=None
    exists gcloud artifacts docker images describe "$IMAGE" "--project=$PROJECT_ID" ||
        run gcloud builds submit . --config=deploy/cloudbuild.yaml "--region=$REGION" "--project=$PROJECT_ID" \
            "--service-account=projects/$PROJECT_ID/serviceAccounts/$builder" \
            "--gcs-source-staging-dir=gs://$BUILD_BUCKET/source" \
            "--substitutions=_IMAGE=$IMAGE,_BASE_IMAGE=$BASE_IMAGE"
}

make_registry() {
    run_sql "$PROJECT_ID" "$BIGQUERY_LOCATION" deploy/sql/companies.sql
    run_sql "$PROJECT_ID" "$BIGQUERY_LOCATION" deploy/sql/registry_access.sql
}

make_job() {
    local file
    file=$(rendered deploy/job.yaml)
    run gcloud run jobs replace "$file" "--region=$REGION" "--project=$PROJECT_ID"
}

make_schedule() {
    local scheduler="etl-scheduler@$PROJECT_ID.iam.gserviceaccount.com" verb=create
    grant gcloud run jobs add-iam-policy-binding "$JOB" "--member=serviceAccount:$scheduler" --role=roles/run.invoker \
        "--region=$REGION" "--project=$PROJECT_ID"
    if exists gcloud scheduler jobs describe "$JOB" "--location=$REGION" "--project=$PROJECT_ID"; then verb=update; fi
    run gcloud scheduler jobs "$verb" http "$JOB" "--schedule=$SCHEDULE" "--time-zone=$TIME_ZONE" --http-method=POST \
        "--uri=https://run.googleapis.com/v2/projects/$PROJECT_ID/locations/$REGION/jobs/$JOB:run" \
        "--oauth-service-account-email=$scheduler" "--location=$REGION" "--project=$PROJECT_ID"
}

make_metric() {
    local verb=create file
    file=$(rendered deploy/alerts/metric.json)
    if exists gcloud logging metrics describe "$METRIC" "--project=$PROJECT_ID"; then verb=update; fi
    run gcloud logging metrics "$verb" "$METRIC" "--config-from-file=$file" "--project=$PROJECT_ID"
}

find_channel() {
    ask CHANNEL gcloud beta monitoring channels list "--filter=labels.email_address=\"$ALERT_EMAIL\"" \
        "--format=value(name)" --limit=1 "--project=$PROJECT_ID"
}

make_channel() {
    CHANNEL=$(find_channel)
    if $dry_run || [ -z "$CHANNEL" ]; then
        run gcloud beta monitoring channels create --type=email "--display-name=$JOB on call" \
            "--channel-labels=email_address=$ALERT_EMAIL" "--project=$PROJECT_ID"
        CHANNEL=$(find_channel)
    fi
}

make_alert() {
    local file name
    file=$(rendered "deploy/alerts/$1.json")
    name=$(ask '' gcloud alpha monitoring policies list "--filter=displayName=\"$JOB: $2\"" "--format=value(name)" \
        "--project=$PROJECT_ID")
    if [ -n "$name" ]; then
        run gcloud alpha monitoring policies update "$name" "--policy-from-file=$file" "--project=$PROJECT_ID"
    else
        run gcloud alpha monitoring policies create "--policy-from-file=$file" "--project=$PROJECT_ID"
    fi
}

make_alerts() {
    make_metric
    make_channel
    make_alert execution_failed "an execution failed"
    make_alert company_failed "a company failed"
    make_alert company_stale "a company is stale"
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
    exists gcloud iam service-accounts describe "$email" "--project=$project" ||
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
    for given in "${references[@]}"; do grant_secret "$given"; done
}

grant_companies() {
    local rows fields sql
    sql=$(render deploy/sql/access_needed.sql)
    rows=$(ask '' bq "--project_id=$PROJECT_ID" "--location=$BIGQUERY_LOCATION" --format=csv query --quiet \
        --use_legacy_sql=false --max_rows=1000 "${sql//$'\n'/ }")
    if $dry_run; then echo "# for each company that this prints: deploy.sh $ENVIRONMENT company ..."; fi
    # The first line contains the column names. The last column has several references, with blanks between them.
    while IFS=', ' read -r -a fields; do
        grant_company "${fields[@]}" </dev/null
    done < <(tail -n +2 <<<"$rows")
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
    make_job
    make_schedule
    make_alerts
    grant_channels
    grant_companies
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
    if [ $# = 1 ]; then
        deploy_everything
    elif [ "$2" = company ] && [ $# -gt 4 ]; then
        grant_company "${@:3}"
    else
        fail "usage: deploy/deploy.sh [--dry-run] $ENVIRONMENT company PROJECT LOCATION [ACCOUNT] REFERENCE..."
    fi
}

main "$@"
