"""Runs one company in a container of the image, twice, against the sandbox: the second half of deploy/image_check.sh.

Usage: image_check.py CONTAINER -- BUILDAH [OPTION...]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from servicetitan_sandbox.client import processes
from servicetitan_sandbox.client.bigquery_project import Project
from servicetitan_sandbox.client.control import Tenant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MARK = "s3cr3t"
TENANT = Tenant(tenant_id="1001", client_id="cid-1001", client_secret=f"cs-{MARK}", app_key=f"ak-{MARK}", seed=1)
STREAMS = ("technicians", "activities")
REGISTRY = "/etc/etl-companies.yml"


class CheckError(Exception):
    """Raised when a check of the image fails."""


class Container:
    """A container of the image, with the user and the command that the image defines."""

    def __init__(self, name: str, buildah: Sequence[str]) -> None:
        self._name = name
        self._buildah = list(buildah)
        config = json.loads(self._output("inspect", name))["OCIv1"]["config"]
        self.user: str = config["User"]
        self.command: list[str] = [*config["Entrypoint"], *config["Cmd"]]

    def run(self, *command: str, registry: Path, variables: Mapping[str, str]) -> str:
        """Run a command as the image's user and return its output.

        Raises:
            CheckError: If the command fails, or its output contains a secret.
        """
        options = ["--volume", f"{registry}:{REGISTRY}:ro"]
        for name, value in variables.items():
            options += ["--env", f"{name}={value}"]
        run = subprocess.run(  # noqa: S603 - the commands are those of this file
            [*self._buildah, "run", *options, self._name, "--", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if MARK in run.stdout:
            raise CheckError(f"`{' '.join(command)}` printed a secret")
        if run.returncode:
            raise CheckError(f"`{' '.join(command)}` exited with code {run.returncode}:\n{run.stdout}")
        return run.stdout

    def _output(self, *arguments: str) -> str:
        return subprocess.check_output([*self._buildah, *arguments], text=True)  # noqa: S603 - as above


def main() -> int:
    """Check the image and return the exit code."""
    name, _, *buildah = sys.argv[1:]
    try:
        with ExitStack() as stack:
            check(
                Container(name, buildah),
                Path(stack.enter_context(tempfile.TemporaryDirectory())) / "companies.yml",
                stack.enter_context(processes.run_servicetitan()),
                stack.enter_context(processes.run_bigquery(pace=processes.PACE)),
                stack.enter_context(processes.run_cloud_storage()),
            )
    except CheckError as error:
        print(f"image_check: {error}", file=sys.stderr)
        return 1
    print("image_check: all checks passed")
    return 0


def check(
    container: Container,
    registry: Path,
    titan: processes.ServiceTitan,
    warehouse: processes.BigQuery,
    storage: processes.CloudStorage,
) -> None:
    """Run the company twice and check the rows in BigQuery.

    Raises:
        CheckError: If a check fails.
    """
    titan.control.add_tenant(TENANT)
    registry.write_text(json.dumps({"companies": [_company(titan, warehouse)]}), encoding="utf-8")
    registry.chmod(0o444)
    variables = {
        "ETL_COMPANIES": REGISTRY,
        "ETL_TRUST_REGISTRY": "true",  # it names the local servers
        "ETL_STORAGE": f"gs://{storage.bucket}/etl",
        "STORAGE_EMULATOR_HOST": storage.api_endpoint,
        "CHECK_CLIENT_ID": TENANT.client_id,
        "CHECK_CLIENT_SECRET": TENANT.client_secret,
        "CHECK_APP_KEY": TENANT.app_key,
    }
    _check_user(container, registry)
    project = Project(warehouse.api_endpoint, "image-check")
    for number in (1, 2):
        output = container.run(*container.command, registry=registry, variables=variables)
        print(output.rstrip().splitlines()[-1])
        for stream in STREAMS:
            _check_rows(project, stream, {record["id"] for record in titan.control.records(TENANT.tenant_id, stream)})
            _check_log(project, stream, number)


def _check_user(container: Container, registry: Path) -> None:
    """Check that the image's user is not root and cannot write into /app."""
    uid = container.run("id", "-u", registry=registry, variables={}).strip()
    if uid == "0" or uid != container.user.partition(":")[0]:
        raise CheckError(f"it runs as user {uid}, not as an unprivileged user that the image defines")
    writable = container.run("find", "/app", "-not", "-type", "l", "-writable", registry=registry, variables={})
    if writable:
        raise CheckError(f"its user can write to {writable.splitlines()[0]}")
    print(f"user {uid}, no write access to /app; {' '.join(container.command)}")


def _company(titan: processes.ServiceTitan, warehouse: processes.BigQuery) -> dict[str, object]:
    return {
        "company_id": "image-check",
        "tenant_id": TENANT.tenant_id,
        "project_id": "image-check",
        "streams": [f"{stream}.*" for stream in STREAMS],
        "secrets": {name: f"env:CHECK_{name.upper()}" for name in ("client_id", "client_secret", "app_key")},
        "tap": {"api_url": titan.api_url, "auth_url": titan.auth_url},
        "target": {"api_endpoint": warehouse.api_endpoint},
    }


def _check_rows(project: Project, stream: str, truth: set[object]) -> None:
    found = set(project.rows(stream))
    if found != truth or not truth:
        raise CheckError(f"{stream} has {len(found)} rows, but the source has {len(truth)}")


def _check_log(project: Project, stream: str, runs: int) -> None:
    """Check that only the first run inserted rows."""
    inserted = [row["rows_inserted"] for row in project.log(stream)]
    if len(inserted) != runs or not inserted[0] or any(inserted[1:]):
        raise CheckError(f"the runs inserted {inserted} rows into {stream}")


if __name__ == "__main__":
    sys.exit(main())
