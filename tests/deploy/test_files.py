"""The files of `deploy/` pass shellcheck and hadolint, and are valid for BigQuery and Google's APIs."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

import links
from servicetitan_fleet.console.reporters import JsonReporter
from servicetitan_fleet.fleet.outcome import Outcome, Result
from servicetitan_fleet.notify.trouble import TroubleKind
from servicetitan_fleet.state.execution import Execution
from servicetitan_sandbox.bigquery.googlesql.analyzer import GoogleSQL

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
DEPLOY = ROOT / "deploy"
BIN = Path(sys.executable).parent
TYPES = json.loads((HERE / "google_types.json").read_text(encoding="utf-8"))
SCRIPTS = sorted(
    path.relative_to(ROOT) for folder in ("deploy", "deploy/pair", "tools") for path in (ROOT / folder).glob("*.sh")
)
ENVIRONMENTS = ("dev", "qua", "pro")

REFERENCES = "STRUCT<client_id STRING, client_secret STRING, app_key STRING>"
TABLES = {
    "example-etl-pro.settings.companies": [
        ("company_id", "STRING"),
        ("project_id", "STRING"),
        ("location", "STRING"),
        ("enabled", "BOOL"),
        ("secrets", REFERENCES),
        ("tap", "JSON"),
        ("target", "JSON"),
        ("notify", "JSON"),
    ],
    "acme-data.management.etl_logs": [
        *((name, "STRING") for name in ("stream", "status", "error")),
        *((name, "TIMESTAMP") for name in ("started", "ended")),
        *((f"rows_{name}", "INT64") for name in ("read", "inserted", "updated", "deleted")),
    ],
}


def settings(environment: str) -> dict[str, str]:
    text = (DEPLOY / f"environments/{environment}.env").read_text(encoding="utf-8")
    return {name: value.strip('"') for name, value in re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE)}


def rendered(path: str, environment: str = "pro") -> str:
    """Return a file with its placeholders replaced as `deploy.sh` does."""
    values = {
        **settings(environment),
        "STALE_SECONDS": "28800",
        "ENVIRONMENT": environment,
        "JOB": "etl",
        "METRIC": "etl_company_done",
        "IMAGE": "registry/image:tag",
        "RUNNER": "etl-runner@example.test",
        "LOADER": "etl-loader@example.test",
        "JOB_NAME": "etl-verify",
        "JOB_ARGS": '["verify"]',
        "JOB_TASKS": "4",
        "JOB_RETRIES": "0",
        "CHANNEL": "projects/p/notificationChannels/1",
        "COMPANY_PROJECT": "acme-data",
        "COMPANY_LOCATION": "EU",
    }
    text = (DEPLOY / path).read_text(encoding="utf-8")
    return re.sub(r"\$\{([A-Z_]+)\}", lambda found: values[found[1]], text)


def problems(root: str, thing: object) -> list[str]:
    """Validate an object against Google's description of its type, and return the errors."""
    validator = Draft202012Validator({"$ref": f"#/$defs/{root}", **TYPES})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(thing)]


def test_shellcheck_finds_nothing() -> None:
    said = subprocess.run([BIN / "shellcheck", "-x", *SCRIPTS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (said.stdout, said.returncode) == ("", 0)


@pytest.mark.parametrize("file", ["deploy/Dockerfile", "deploy/pair/Dockerfile"])
def test_hadolint_finds_nothing(file: str) -> None:
    said = subprocess.run([BIN / "hadolint", file], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (said.stdout, said.returncode) == ("", 0)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_job_is_valid_for_cloud_run(environment: str) -> None:
    job: dict[str, Any] = YAML(typ="safe").load(rendered("job.yaml", environment))
    assert problems("run.v1.Job", job) == []
    task = job["spec"]["template"]["spec"]["template"]["spec"]
    assert not [variable for variable in task["containers"][0]["env"] if "secret" in json.dumps(variable).lower()]
    task["container"] = task.pop("containers")
    assert problems("run.v1.Job", job) != []


@pytest.mark.parametrize(
    ("root", "path"),
    [
        ("cloudbuild.v1.Build", "cloudbuild.yaml"),
        ("logging.v2.LogMetric", "alerts/metric.json"),
        *(("monitoring.v3.AlertPolicy", f"alerts/{name}.json") for name in ("company_failed", "company_stale")),
        *(("monitoring.v3.AlertPolicy", f"alerts/{name}.json") for name in ("execution_failed", "check_failed")),
    ],
    ids=lambda text: text.rpartition("/")[2],
)
def test_the_files_are_valid_for_google(root: str, path: str) -> None:
    thing = YAML(typ="safe").load(rendered(path))
    assert problems(root, thing) == []
    assert problems(root, {**thing, "descriptoin": "x"}) != []


@pytest.mark.parametrize("path", sorted(path.name for path in (DEPLOY / "sql").iterdir()))
def test_bigquery_accepts_the_sql(path: str) -> None:
    GoogleSQL(TABLES).check(rendered(f"sql/{path}"))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_times_of_an_environment_are_consistent(environment: str) -> None:
    found = settings(environment)
    assert found.keys() == settings("pro").keys()
    assert found["SCHEDULE"] == "0 */6 * * *"
    # Between two runs, and the first of them weekly.
    assert (found["VERIFY_SCHEDULE"], found["GROUP_SCHEDULE"]) == ("30 4 * * 0", "30 4 * * *")
    assert int(found["COMPANY_TIMEOUT_MINUTES"]) * 60 < int(found["TASK_TIMEOUT_SECONDS"]) < 6 * 3600
    assert 6 < int(found["STALE_HOURS"]) <= 23


@pytest.mark.parametrize("name", ["runbook.md", "runbook.es.md"])
def test_the_runbook_has_every_alert_and_every_result(name: str) -> None:
    text = (ROOT / "docs" / "how-to" / name).read_text(encoding="utf-8")
    alerts = {json.loads(rendered(f"alerts/{path.name}")).get("displayName") for path in (DEPLOY / "alerts").iterdir()}
    assert [alert for alert in alerts - {None} if f"`{alert}`" not in text] == []
    assert [result for result in Result if not result.is_good and f"`{result}`" not in text] == []


@pytest.mark.parametrize("name", ["runbook.md", "runbook.es.md"])
def test_the_runbook_has_a_line_for_every_kind_of_trouble(name: str) -> None:
    anchors = links.anchors((ROOT / "docs" / "how-to" / name).read_text(encoding="utf-8"))
    assert [kind for kind in TroubleKind if kind.anchor not in anchors] == []


def test_both_runbooks_explain_the_same_messages_and_have_the_same_commands() -> None:
    english, spanish = ((ROOT / "docs/how-to" / name).read_text("utf-8") for name in ("runbook.md", "runbook.es.md"))
    assert explained(english) == {text for text in explained(spanish) if not text.startswith("etl: ")}
    assert set(re.findall(r"^\$ (?:orchestrate-etl|export) .*?(?= +#|$)", english, re.MULTILINE)) == set(
        re.findall(r"^\$ (?:orchestrate-etl|export) .*?(?= +#|$)", spanish, re.MULTILINE)
    )


def explained(page: str) -> set[str]:
    """Return the messages and results in the first cells of a page's tables."""
    cells = [line.split("|")[1] for line in page.splitlines() if line.startswith("| ")]
    return {text for cell in cells for text in re.findall(r"`([^`]+)`", cell)}


@pytest.mark.parametrize("path", sorted((DEPLOY / "alerts").glob("*_*.json")), ids=lambda path: path.stem)
def test_an_alert_says_where_to_look(path: Path) -> None:
    alert = json.loads(rendered(f"alerts/{path.name}"))
    content = alert["documentation"]["content"]
    (anchor,) = re.findall(r"docs/how-to/runbook\.md#(\S+)", content)
    assert anchor in links.anchors((ROOT / "docs/how-to/runbook.md").read_text(encoding="utf-8"))
    assert "https://console.cloud.google.com/logs/query;query=" in content
    # What it quotes of a line is extracted from it.
    extracted = alert["conditions"][0].get("conditionMatchedLog", {}).get("labelExtractors", {})
    assert set(re.findall(r"log\.extracted_label\.(\w+)", json.dumps(alert["documentation"]))) == set(extracted)


def test_no_alert_pages_for_what_the_next_run_heals() -> None:
    output = io.StringIO()
    reporter = JsonReporter(Execution(name="night"), output)
    for result in Result:
        reporter.on_end(Outcome(company_id="acme", result=result, reason="why"))
    condition = json.loads(rendered("alerts/company_failed.json"))["conditions"][0]["conditionMatchedLog"]
    wanted = re.findall(r"jsonPayload\.(\w+):\*", condition["filter"])
    assert wanted == ["company", "trouble"]
    assert not [line for line in output.getvalue().splitlines() if set(wanted) <= json.loads(line).keys()]
