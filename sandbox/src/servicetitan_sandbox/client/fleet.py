"""A fleet of made-up companies on the local servers: their tenants, their registry, and a check of their tables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from servicetitan_sandbox.client.bigquery_project import Project
from servicetitan_sandbox.client.control import Tenant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servicetitan_sandbox.client.meltano_project import MeltanoProject
    from servicetitan_sandbox.client.processes import BigQuery, ServiceTitan

ORCHESTRATE_ETL = Path(sys.executable).with_name("orchestrate-etl")
STREAMS = ("technicians", "activities")
"""The streams of every company: one that is always read in full, and one that continues from a bookmark."""


def secrets_of(company_id: str, tenant: Tenant) -> tuple[dict[str, str], dict[str, str]]:
    """Return a company's secrets as environment variables, and the registry's references to these."""
    secrets = tenant.model_dump(include={"client_id", "client_secret", "app_key"})
    names = {key: f"{company_id}_{key}".upper().replace("-", "_") for key in secrets}
    return {names[key]: value for key, value in secrets.items()}, {key: f"env:{name}" for key, name in names.items()}


def outcomes_of(last_line: str, code: int) -> dict[str, dict[str, Any]]:
    """Return the outcomes of a task's companies, by company.

    Args:
        last_line: The last line of its log.
        code: Its exit code.

    Raises:
        RuntimeError: If it has ended without them. The text has that line.
    """
    try:
        outcomes: dict[str, dict[str, Any]] = json.loads(last_line)["companies"]
    except (ValueError, KeyError) as error:
        raise RuntimeError(f"a task ended with {code} and without its outcomes: {last_line}") from error
    return outcomes


@dataclass
class Fleet:
    """Companies, their registry, and the local servers that they use.

    Attributes:
        folder: Folder of the registry and of the companies' working files.
        meltano: The Meltano project that runs the companies.
        titan: The local ServiceTitan.
        warehouse: The local BigQuery.
        storage: Address of the storage for states and records.
        variables: Environment variables of `orchestrate-etl`: the secrets in the registry, and others.
        companies: The entries of the registry, by company id.
    """

    folder: Path
    meltano: MeltanoProject
    titan: ServiceTitan
    warehouse: BigQuery
    storage: str
    variables: dict[str, str] = field(default_factory=dict)
    companies: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(
        self,
        company_id: str,
        tenant_id: str,
        sizes: Mapping[str, int],
        *,
        scopes: frozenset[str] | None = None,
        **more: object,
    ) -> None:
        """Add a company: its tenant, its secrets in the environment, its entry in the registry.

        Args:
            company_id: The company's id.
            tenant_id: The id of its tenant, in digits.
            sizes: How many records its streams have.
            scopes: The areas that its app may read; None for all.
            more: Other fields of the registry entry.
        """
        tenant = Tenant(
            tenant_id=tenant_id,
            client_id=f"cid-{tenant_id}",
            client_secret=f"cs-{tenant_id}-s3cr3t",
            # As a person may choose it: with what Meltano takes for variables, and what programs escape.
            app_key='ak-$UPPER${x}"\\/-s3cr3t',
            seed=int(tenant_id),
            sizes=dict(sizes),
            scopes=scopes,
        )
        self.titan.control.add_tenant(tenant)
        variables, references = secrets_of(company_id, tenant)
        self.variables |= variables
        self.companies[company_id] = {
            "company_id": company_id,
            "tenant_id": tenant_id,
            "project_id": self.project(company_id).name,
            "streams": [f"{stream}.*" for stream in STREAMS],
            "secrets": references,
            "tap": {"api_url": self.titan.api_url, "auth_url": self.titan.auth_url, "max_retries": 1},
            "target": {"api_endpoint": self.warehouse.api_endpoint},
            **more,
        }

    def project(self, company_id: str) -> Project:
        """Return a company's BigQuery project. Its name follows Google's rules, and is of this fleet only."""
        number = zlib.crc32(f"{self.folder.name}/{company_id}".encode())
        return Project(self.warehouse.api_endpoint, f"{company_id[:20].rstrip('-')}-{number:08x}")

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Start a run of the fleet. It writes JSON lines to stdout.

        Args:
            options: Other options of `orchestrate-etl run`.
        """
        return self.command("run", "--log-format=json", f"--work-folder={self.folder / 'work'}", *options)

    def command(self, *words: str, has_plugins: bool = True, output: int | None = None) -> subprocess.Popen[str]:
        """Start a command of `orchestrate-etl`.

        Args:
            words: The command and its options, except those for registry, storage and project.
            has_plugins: Whether it runs the companies' plugins, and so needs the Meltano project.
            output: The file that gets its output and errors, such as a terminal. By default a pipe gets its output.
        """
        command, environment = self.describe(*words, has_plugins=has_plugins)
        return subprocess.Popen(  # noqa: S603 - our own command
            command,
            env=environment,
            stdout=subprocess.PIPE if output is None else output,
            stderr=output,
            text=True,
        )

    def describe(self, *words: str, has_plugins: bool = True) -> tuple[list[str], dict[str, str]]:
        """Write the registry, and return a command of `orchestrate-etl` and its environment.

        Args:
            words: The command and its options, except those for registry, storage and project.
            has_plugins: Whether it runs the companies' plugins, and so needs the Meltano project.
        """
        registry = self.folder / "companies.yml"
        registry.write_text(json.dumps({"companies": list(self.companies.values())}))  # JSON is YAML
        given = {"companies": registry, "storage": self.storage}
        if has_plugins:
            given["project"] = self.meltano.folder
        command = [str(ORCHESTRATE_ETL), *words, *(f"--{name}={value}" for name, value in given.items())]
        machine = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        # The registry names the local servers.
        return command, {**machine, "ETL_TRUST_REGISTRY": "true", **self.variables}

    def find_differences(self, company_id: str) -> list[str]:
        """Compare a company's tables with its tenant's records, and return a line for each table that differs."""
        tenant, project = self.companies[company_id]["tenant_id"], self.project(company_id)
        differences = []
        for stream in STREAMS:
            records = self.titan.control.records(tenant, stream)
            expected = {record["id"]: record["modifiedOn"][:19] for record in records}
            rows = project.rows(stream) if stream in project.tables("bronze") else {}
            loaded = {key: f"{row['modified_on']:%Y-%m-%dT%H:%M:%S}" for key, row in rows.items()}
            deleted = [key for key, row in rows.items() if row["_etl_operation"] == "DELETE"]
            if loaded != expected or deleted:
                differences.append(
                    f"{project.name}.bronze.{stream}: {len(expected.keys() - loaded.keys())} rows missing, "
                    f"{len(loaded.keys() - expected.keys())} unexpected, {len(deleted)} marked deleted"
                )
        return differences
