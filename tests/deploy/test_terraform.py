"""`deploy/terraform` is HCL, and makes the same accounts, grants, resources and settings as `deploy.sh`.

No provider of Terraform can be had from a package registry, so whether Google's accepts it is not tested here. The
expressions are evaluated where the program `terraform` is installed.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import hcl2
import pytest

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
FOLDER = DEPLOY / "terraform"
SCRIPT = "".join((DEPLOY / name).read_text("utf-8") for name in ("deploy.sh", "commands.sh"))
SQL = "".join(path.read_text("utf-8") for path in sorted((DEPLOY / "sql").iterdir()))


def plain(value: Any) -> Any:  # noqa: ANN401 - any document
    """Return a part of a parsed file without the quotes of its texts and the parser's own fields."""
    if isinstance(value, dict):
        return {plain(name): plain(inner) for name, inner in value.items() if not str(name).startswith("__")}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value[1:-1] if isinstance(value, str) and value[:1] == value[-1:] == '"' else value


FILES = {path.name: plain(hcl2.loads(path.read_text("utf-8"))) for path in sorted(FOLDER.glob("*.tf"))}
RESOURCES = [
    (kind, name, body)
    for file in FILES.values()
    for block in file.get("resource", ())
    for kind, named in block.items()
    for name, body in named.items()
]


def of(kind: str) -> dict[str, Any]:
    """Return the resources of a kind, by name."""
    return {name: body for found, name, body in RESOURCES if found == kind}


OLDER_NAMES = {
    "OWNER": "roles/bigquery.dataOwner",
    "WRITER": "roles/bigquery.dataEditor",
    "READER": "roles/bigquery.dataViewer",
}
"""The roles of a dataset, by the names that its access list has."""


def is_grant(kind: str) -> bool:
    """Return whether a kind of resource grants one role to one member."""
    return kind.endswith("_iam_member") or kind == "google_bigquery_dataset_access"


def test_every_role_of_the_script_is_granted_and_no_other() -> None:
    granted = sorted(OLDER_NAMES.get(body["role"], body["role"]) for kind, _, body in RESOURCES if is_grant(kind))
    of_script = re.findall(r"--role=(roles/[\w.]+)", SCRIPT)
    # The three datasets of a company are one resource here.
    of_sql = [*re.findall(r"GRANT `(roles/bigquery\.data(?:Viewer|Owner))`", SQL), "roles/bigquery.dataEditor"]
    assert granted == sorted([*of_script, *of_sql])
    # Each adds one member. Nothing replaces a policy.
    assert [kind for kind, _, _ in RESOURCES if "_iam_" in kind and not kind.endswith("_iam_member")] == []
    # Nor does any take from a dataset what lets the views of a group read it.
    assert of("google_bigquery_dataset_iam_member") == {}
    assert "access" not in of("google_bigquery_dataset")["company"]


def test_the_accounts_and_apis_are_those_of_the_script() -> None:
    accounts = dict(re.findall(r'make_account (etl-\w+) "(.+)"', SCRIPT))
    assert plain(of("google_service_account")["account"]["for_each"]) == accounts
    (found,) = (block["apis"] for block in FILES["main.tf"]["locals"])
    listed = re.search(r"readonly APIS=\((.*?)\)", SCRIPT, re.DOTALL)
    assert listed is not None
    assert sorted(found) == sorted(listed[1].split())


def test_every_kind_of_resource_of_the_script_is_there() -> None:
    kinds = {kind for kind, _, _ in RESOURCES if not is_grant(kind)}
    assert kinds == {
        "google_artifact_registry_repository",
        "google_bigquery_dataset",
        "google_bigquery_table",
        "google_cloud_run_v2_job",
        "google_cloud_scheduler_job",
        "google_logging_metric",
        "google_monitoring_alert_policy",
        "google_monitoring_notification_channel",
        "google_project_service",
        "google_service_account",
        "google_storage_bucket",
    }
    (repository,) = of("google_artifact_registry_repository").values()
    assert repository["repository_id"] == "etl"
    assert set(of("google_storage_bucket")) == {"state", "build"}


def test_the_jobs_are_those_of_the_script() -> None:
    made = re.findall(r'make_job "\$JOB([\w-]*)" (?:\'\["|"\[\\")([\w-]+)', SCRIPT)
    assert [name for name, _ in made] == ["", "-verify", "-group-views"]
    text = (FOLDER / "main.tf").read_text("utf-8")
    for name, command in made:
        # Each is named, and runs that command.
        assert re.search(rf'\betl{name}\b"?(?: += |\] : \[\] : name => ){{\s*args += \["{command}"', text), name
    for kind in ("google_cloud_run_v2_job", "google_cloud_scheduler_job"):
        assert [body["name"] for body in of(kind).values()] == ["${each.key}"]


def test_the_alerts_are_those_of_the_files() -> None:
    files = {path.stem for path in (DEPLOY / "alerts").glob("*_*.json")}
    assert set(re.findall(r"^    make_alert (\w+) ", SCRIPT, re.MULTILINE)) == files
    (found,) = re.findall(r"for name in \[(.*)\] :\n +name => jsondecode", (FOLDER / "main.tf").read_text("utf-8"))
    assert set(re.findall(r'"(\w+)"', found)) == files


def test_the_settings_are_those_of_the_environments() -> None:
    names = set(re.findall(r"^([A-Z_]+)=", (DEPLOY / "environments/pro.env").read_text("utf-8"), re.MULTILINE))
    text = (FOLDER / "variables.tf").read_text("utf-8")
    # The image is built before, from its own base image.
    assert set(re.findall(r"^    ([A-Z_]+) += ", text, re.MULTILINE)) == names - {"BASE_IMAGE"}


def test_the_registry_has_the_columns_of_the_script() -> None:
    columns = json.loads((FOLDER / "companies.json").read_text("utf-8"))
    written = re.findall(r"^  ([a-z_]+) ([A-Z][A-Z0-9]+(?:<.*>)?)( NOT NULL)?", SQL, re.MULTILINE)
    assert [(column["name"], sql_type(column), column["mode"] == "REQUIRED") for column in columns] == [
        (name, kind, bool(required)) for name, kind, required in written
    ]


def sql_type(column: dict[str, Any]) -> str:
    if column["mode"] == "REPEATED":
        return f"ARRAY<{column['type']}>"
    if column["type"] == "RECORD":
        fields = ", ".join(f"{field['name']} {field['type']}" for field in column["fields"])
        return f"STRUCT<{fields}>"
    return str(column["type"])


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not on this machine")
def test_terraform_itself_finds_the_files_well_formed() -> None:
    done = subprocess.run(
        ["terraform", f"-chdir={FOLDER}", "fmt", "-check", "-diff", "-no-color"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
