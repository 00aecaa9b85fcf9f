"""`deploy.sh` says in a dry run what differs, is idempotent, and grants no more access than needed.

`UPDATE_SNAPSHOTS=1 .venv/bin/pytest tests/deploy/test_deploy.py` updates the files in `snapshots`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
FAKE_CLOUD = ROOT / "tests/support/deploy/fake_cloud.py"
SETTINGS = ROOT / "deploy/environments/dev.env"
SECRETS = [f"secret://projects/fleet/secrets/acme-{name}/versions/latest" for name in ("id", "secret", "key")]
COMPANY = ("company", "acme-data", "EU", *SECRETS)
ACCOUNT = "etl-loader@beta-data.iam.gserviceaccount.com"
SALT = "secret://projects/fleet/secrets/beta-salt/versions/latest"
CHANNELS = [f"secret://projects/fleet/secrets/{name}/versions/latest" for name in ("acme-hook", "acme-mail", "slack")]
NOTIFY = f'[{{"kind": "slack", "url": "{CHANNELS[2]}"}}, {{"kind": "pagerduty", "routing_key": "env:KEY"}}]'
REGISTRY = (
    "company_id,project_id,location,client_id,client_secret,app_key,pii_salt,account,notify\n"
    f"acme,acme-data,EU,{','.join(SECRETS)},,,{' '.join(CHANNELS[:2])}\n"
    f"beta,beta-data,US,{','.join(SECRETS)},{SALT},{ACCOUNT},\n"
)
MAKES = ("create", "submit")
RUNNER, SCHEDULER, BUILDER = (
    f"serviceAccount:etl-{name}@fleet-dev.iam.gserviceaccount.com" for name in ("runner", "scheduler", "builder")
)


Calls = list[list[str]]
Twice = tuple[Calls, Calls]


@dataclass
class Deployment:
    """A folder with a fake `gcloud` and `bq` that record their calls, and with settings for `deploy.sh`."""

    folder: Path

    def __post_init__(self) -> None:
        bin_folder = self.folder / "bin"
        bin_folder.mkdir()
        for name in ("gcloud", "bq"):
            program = bin_folder / name
            program.write_text(f"#!{sys.executable} -SE\n{FAKE_CLOUD.read_text(encoding='utf-8')}")
            program.chmod(0o755)
        (self.folder / "registry.csv").write_text(REGISTRY)
        settings = SETTINGS.read_text(encoding="utf-8").replace("example-etl", "fleet")
        settings = settings.replace("NOTIFY=[]", f"NOTIFY='{NOTIFY}'")
        settings = settings.replace("RUNBOOK_URL=docs/how-to/runbook.md", "RUNBOOK_URL='https://wiki.test/etl?a=1&b=2'")
        (self.folder / "dev.env").write_text(settings.replace("example@example.com", "oncall@acme.test"))

    def run(self, *arguments: str, settings: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run `deploy.sh`. Standard output and error are combined in `stdout`."""
        environment = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "FAKE_CLOUD": str(self.folder),
            "DEPLOY_OUTPUT": str(self.folder / "output"),
            "DEPLOY_SETTINGS": str(settings or self.folder / "dev.env"),
            "DEPLOY_RETRY_SECONDS": "0",
            "IMAGE_TAG": "0123456789ab",
            **variables,
        }
        return subprocess.run(
            [ROOT / "deploy/deploy.sh", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def deploy(self, *arguments: str, **variables: str) -> Calls:
        """Run `deploy.sh`, check that it succeeds, and return the calls that it made."""
        log = self.folder / "calls.jsonl"
        log.unlink(missing_ok=True)
        done = self.run(*arguments, settings=None, **variables)
        assert done.returncode == 0, done.stdout
        return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment(tmp_path)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `made.json` after a first deployment, and the calls of it and of a second one."""
    deployment = Deployment(tmp_path_factory.mktemp("twice"))
    calls = [deployment.deploy("dev"), deployment.deploy("dev", CANARY="none")]
    (deployment.folder / "twice.json").write_text(json.dumps(calls))
    return deployment.folder


@pytest.fixture(scope="module")
def twice(deployed: Path) -> Twice:
    """The calls of a first deployment, and of a second one."""
    first, second = json.loads((deployed / "twice.json").read_text(encoding="utf-8"))
    return first, second


@pytest.mark.parametrize(("name", "arguments"), [("everything", ()), ("company", COMPANY)])
def test_a_dry_run_of_a_new_fleet_prints_every_command_and_changes_nothing(
    name: str, arguments: tuple[str, ...], deployment: Deployment
) -> None:
    assert_snapshot(deployment, name, *arguments)


def test_a_dry_run_says_what_differs_from_what_is_deployed(deployment: Deployment, deployed: Path) -> None:
    shutil.copy(deployed / "made.json", deployment.folder)
    settings = deployment.folder / "dev.env"
    text = settings.read_text(encoding="utf-8")
    for old, new in (
        ("MEMORY=2Gi", "MEMORY=4Gi"),
        ('SCHEDULE="0 */6 * * *"', 'SCHEDULE="0 */4 * * *"'),
        ("STALE_HOURS=8", "STALE_HOURS=6"),
    ):
        assert old in text
        text = text.replace(old, new)
    settings.write_text(text)
    made = deployment.folder / "made.json"
    resources = json.loads(made.read_text(encoding="utf-8"))
    resources["services"].remove("run.googleapis.com")
    resources["storage buckets fleet-dev-state"]["versioning_enabled"] = False
    resources["fleet-dev.settings.companies"]["schema"]["fields"].pop()
    resources["policy of acme-key"]["bindings"] = []
    resources["beta-data.bronze"]["access"] = []
    made.write_text(json.dumps(resources))
    assert_snapshot(deployment, "changed")


def test_a_dry_run_says_what_it_cannot_know(deployment: Deployment) -> None:
    (deployment.folder / "broken").write_text("acme-key acme-data")
    said = deployment.run("--dry-run", "dev", *COMPANY).stdout
    secret = "roles/secretmanager.secretAccessor of etl-runner@fleet-dev.iam.gserviceaccount.com on secrets acme-key"
    assert f"# unknown: {secret}\n#     ERROR: PERMISSION_DENIED: this is broken\ngcloud secrets add-iam" in said
    assert "# unknown: BigQuery: company.sql in acme-data\n#     ERROR: PERMISSION_DENIED: this is broken\nbq" in said
    assert said.splitlines()[-1] == "# 2 to create, 0 to change, 3 unknown, 0 unchanged"


def assert_snapshot(deployment: Deployment, name: str, *arguments: str) -> None:
    """Check that a dry run says what the snapshot has, and that it only looks."""
    log = deployment.folder / "calls.jsonl"
    log.unlink(missing_ok=True)
    done = deployment.run("--dry-run", "dev", *arguments)
    assert done.returncode == 0, done.stdout
    for call in map(json.loads, log.read_text(encoding="utf-8").splitlines()):
        assert {"describe", "list", "get-iam-policy", "show", "--format=csv"} & set(call), call
    said = done.stdout.replace(str(deployment.folder), "FOLDER")
    path = HERE / "snapshots" / f"{name}.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(said, encoding="utf-8")
    assert said == path.read_text(encoding="utf-8")


def test_after_a_deployment_all_companies_are_checked_and_one_is_run(twice: Twice, deployment: Deployment) -> None:
    calls = twice[0]
    executed = [call for call in calls if "execute" in call]
    assert calls[-2:] == executed
    assert ["--args=check" in executed[0], "--args=run,--company,acme" in executed[1]] == [True, True]
    assert all({"--wait", "--tasks=1", "--region=us-central1", "--project=fleet-dev"} <= set(call) for call in executed)
    # With an empty registry there is none to try.
    (deployment.folder / "registry.csv").write_text(REGISTRY.splitlines()[0])
    assert not [call for call in deployment.deploy("dev") if "execute" in call]


def test_a_broken_company_or_canary_is_named_at_the_end_and_stops_nothing(deployment: Deployment) -> None:
    (deployment.folder / "broken").write_text("acme-data --args=check --args=run,")
    done = deployment.run("dev", CANARY="beta")
    assert done.returncode == 1
    last = done.stdout.splitlines()[-3:]
    assert last[0] == "deploy: acme: access could not be granted, see above"
    assert last[1].startswith("deploy: the job's check found something")
    assert last[2].startswith("deploy: beta: the run did not end well")
    calls = (deployment.folder / "calls.jsonl").read_text(encoding="utf-8")
    assert "beta-data.bronze" in calls
    assert "--args=run,--company,beta" in calls


def test_production_is_built_from_a_base_image_with_a_digest(deployment: Deployment) -> None:
    said = "pro needs a BASE_IMAGE with its digest"
    done = deployment.run("pro")
    assert done.returncode == 1
    assert said in done.stdout.splitlines()[-1]
    assert not (deployment.folder / "calls.jsonl").exists()
    assert said in deployment.run("--dry-run", "pro", *COMPANY).stdout
    settings = deployment.folder / "dev.env"
    pinned = f"BASE_IMAGE=python:3.13-slim-bookworm@sha256:{'0123456789abcdef' * 4}"
    settings.write_text(settings.read_text(encoding="utf-8").replace("BASE_IMAGE=python:3.13-slim-bookworm", pinned))
    assert said not in deployment.run("pro", *COMPANY).stdout


def test_a_second_deployment_creates_nothing(twice: Twice) -> None:
    first, second = twice
    assert not [call for call in second if "execute" in call]  # CANARY=none
    assert len([call for call in first if set(call) & set(MAKES)]) == 16
    assert [call for call in second if set(call) & set(MAKES)] == []
    # It updates what may be out of date, and does not rebuild an existing image.
    changed = [call for call in second if "update" in call or "replace" in call]
    assert len([call for call in changed if "policies" in call]) == 4
    assert {"run", "scheduler", "logging"} <= {call[1] for call in changed}


def test_no_account_gets_more_access_than_needed(twice: Twice) -> None:
    calls = twice[0]
    granted = {grant(call) for call in calls if "add-iam-policy-binding" in call}
    granted |= {found for call in calls if call[0] == "bq" for found in grants_of(call[-1])}
    secrets = {
        ("secretmanager.secretAccessor", name, RUNNER)
        for name in ("acme-id", "acme-secret", "acme-key", "beta-salt", "acme-hook", "acme-mail", "slack")
    }
    # A company with an account of its own is written to by that account, and by no other.
    datasets = {
        ("bigquery.dataEditor", f"{project}.{name}", member)
        for project, member in (("acme-data", RUNNER), ("beta-data", f"serviceAccount:{ACCOUNT}"))
        for name in ("bronze", "staging", "management")
    }
    assert granted == {
        *secrets,
        *datasets,
        ("bigquery.jobUser", "acme-data", RUNNER),
        ("bigquery.jobUser", "beta-data", f"serviceAccount:{ACCOUNT}"),
        ("iam.serviceAccountTokenCreator", ACCOUNT, RUNNER),
        ("bigquery.dataViewer", "fleet-dev.settings", RUNNER),
        ("storage.objectAdmin", "gs://fleet-dev-state", RUNNER),
        ("run.invoker", "etl", SCHEDULER),
        ("run.invoker", "etl-verify", SCHEDULER),
        ("artifactregistry.writer", "etl", BUILDER),
        ("storage.objectViewer", "gs://fleet-dev-build", BUILDER),
        ("logging.logWriter", "fleet-dev", BUILDER),
    }


def test_what_a_run_needs_for_its_alerts_reaches_the_job(deployment: Deployment) -> None:
    deployment.deploy("dev")
    job = YAML(typ="safe").load((deployment.folder / "output/dev/etl.yaml").read_text(encoding="utf-8"))
    (container,) = job["spec"]["template"]["spec"]["template"]["spec"]["containers"]
    variables = {variable["name"]: variable["value"] for variable in container["env"]}
    assert variables["ETL_NOTIFY"] == NOTIFY
    assert variables["ETL_RUNBOOK_URL"] == "https://wiki.test/etl?a=1&b=2"
    assert (variables["ETL_PROJECT_ID"], variables["ETL_TASK_RETRIES"]) == ("fleet-dev", "1")
    alert = json.loads((deployment.folder / "output/dev/company_failed.json").read_text(encoding="utf-8"))
    assert "https://wiki.test/etl?a=1&b=2#a-company-failed" in alert["documentation"]["content"]


def test_the_checks_have_jobs_and_schedules_of_their_own(deployment: Deployment) -> None:
    settings = deployment.folder / "dev.env"
    text = settings.read_text(encoding="utf-8")
    assert "GROUP_PROJECT=none" in text
    settings.write_text(text.replace("GROUP_PROJECT=none", "GROUP_PROJECT=group-data"))
    calls = deployment.deploy("dev", CANARY="none")
    found = {}
    for name in ("etl", "etl-verify", "etl-group-views"):
        job = YAML(typ="safe").load((deployment.folder / f"output/dev/{name}.yaml").read_text(encoding="utf-8"))
        spec = job["spec"]["template"]["spec"]
        found[job["metadata"]["name"]] = (
            spec["template"]["spec"]["containers"][0]["args"],
            spec["template"]["spec"]["maxRetries"],
        )
    assert found == {
        "etl": (["run"], 1),
        "etl-verify": (["verify"], 0),
        "etl-group-views": (["group-views", "--project=group-data", "--dataset=servicetitan"], 0),
    }
    scheduled = [call for call in calls if call[1:4] == ["scheduler", "jobs", "create"]]
    assert {call[5]: option(call, "schedule") for call in scheduled} == {
        "etl": "0 */6 * * *",
        "etl-verify": "30 4 * * 0",
        "etl-group-views": "30 4 * * *",
    }
    assert {option(call, "uri").rpartition("/")[2] for call in scheduled} == {f"{name}:run" for name in found}
    # The views are written by the runner. What loads a company's data lets them read it.
    granted = {grant(call) for call in calls if "add-iam-policy-binding" in call}
    granted |= {found for call in calls if call[0] == "bq" for found in grants_of(call[-1])}
    assert {entry for entry in granted if entry[0].startswith("bigquery.") and entry[0] != "bigquery.dataEditor"} == {
        ("bigquery.user", "group-data", RUNNER),
        ("bigquery.dataViewer", "acme-data.bronze", RUNNER),
        ("bigquery.dataOwner", "acme-data.bronze", RUNNER),
        ("bigquery.dataViewer", "beta-data.bronze", RUNNER),
        ("bigquery.dataOwner", "beta-data.bronze", f"serviceAccount:{ACCOUNT}"),
        ("bigquery.jobUser", "acme-data", RUNNER),
        ("bigquery.jobUser", "beta-data", f"serviceAccount:{ACCOUNT}"),
        ("bigquery.dataViewer", "fleet-dev.settings", RUNNER),
    }


def option(call: list[str], name: str) -> str:
    (value,) = (word.partition("=")[2] for word in call if word.startswith(f"--{name}="))
    return value


def grant(call: list[str]) -> tuple[str, str, str]:
    options = dict(word.split("=", 1) for word in call if "=" in word)
    return options["--role"].removeprefix("roles/"), call[call.index("add-iam-policy-binding") + 1], options["--member"]


def grants_of(sql: str) -> list[tuple[str, str, str]]:
    return re.findall(r"GRANT `roles/(\S+)` ON SCHEMA `(\S+)` TO '(\S+)'", sql)


def test_a_grant_to_a_new_account_is_retried(deployment: Deployment) -> None:
    refusals = deployment.folder / "refusals"
    refusals.write_text("5")
    deployment.deploy("dev", *COMPANY)
    refusals.write_text("6")
    assert deployment.run("dev", *COMPANY).returncode != 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "usage: deploy/deploy.sh"),
        (("prod",), "usage: deploy/deploy.sh"),
        (("dev", "company", "acme-data"), "company PROJECT LOCATION [ACCOUNT] REFERENCE"),
        (("dev", *COMPANY[:3], "env:ACME_ID", SALT), "env:ACME_ID is not secret://projects"),
        (("dev", *COMPANY, "ann@acme.test"), "ann@acme.test is not an account such as etl-loader@"),
    ],
    ids=["nothing", "unknown environment", "half a company", "secret of another kind", "no service account"],
)
def test_invalid_arguments_are_refused(arguments: tuple[str, ...], said: str, deployment: Deployment) -> None:
    done = deployment.run(*arguments)
    assert done.returncode != 0
    assert said in done.stdout.splitlines()[-1]


def test_settings_that_are_missing_or_an_example_are_refused(deployment: Deployment) -> None:
    assert "still contains example names" in deployment.run("dev", settings=SETTINGS).stdout
    settings = deployment.folder / "dev.env"
    settings.write_text(settings.read_text(encoding="utf-8").replace("REGION=", "REGIO="))
    assert f"{settings} does not set REGION" in deployment.run("--dry-run", "dev").stdout
    assert "/nowhere does not exist" in deployment.run("dev", settings=Path("/nowhere")).stdout
    assert not (deployment.folder / "calls.jsonl").exists()


@pytest.mark.long
@pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not on this machine")
def test_gcloud_itself_accepts_the_commands(twice: Twice, tmp_path: Path) -> None:
    commands = sorted({shlex.join(call) for calls in twice for call in calls if call[0] == "gcloud"} | documented())
    listed = tmp_path / "commands.json"
    listed.write_text(json.dumps([{"command_string": command} for command in [*commands, "gcloud run jobs reboot"]]))
    linted = subprocess.run(
        ["gcloud", "meta", "lint-gcloud-commands", f"--commands-file={listed}"],
        env={**os.environ, "CLOUDSDK_CONFIG": str(tmp_path / "config")},
        capture_output=True,
        text=True,
        check=True,
    )
    refused = {
        result["command_string"]: result["error_message"]
        for result in json.loads(linted.stdout)
        if not result["success"]
    }
    assert refused == {"gcloud run jobs reboot": "Invalid choice: 'reboot'"}


def documented() -> set[str]:
    """Return the `gcloud` commands in the documents: those on separate lines, and those in backticks."""
    pages = (ROOT / "docs" / "how-to" / f"{name}.md" for name in ("deploy", "runbook", "runbook.es"))
    texts = (page.read_text(encoding="utf-8") for page in pages)
    found = (line.partition(" # ")[0].strip() for text in texts for line in re.findall(r"[$`] ?(gcloud [^`\n]+)", text))
    # `gcloud` validates the name of a project, and P is not a valid one.
    return {command.replace("--project=P", "--project=my-project") for command in found}
