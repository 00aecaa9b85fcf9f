"""Asks BigQuery plainly, so that a probe sees its answers as they are: without a client that retries and hides them."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import requests

from support.real_bigquery.site import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from servicetitan_sandbox.client.bigquery_project import Project

_TIMEOUT_SECONDS = 120
_POLL_SECONDS = 0.3
_JOB_SECONDS = 300
_LONGEST_SEEN = 300


@dataclass(frozen=True)
class Reply:
    """An answer of the API.

    Attributes:
        status: The HTTP status.
        value: The JSON of the body; empty if there is none.
    """

    status: int
    value: dict[str, Any]

    @property
    def ok(self) -> bool:
        """Whether it is no error."""
        return self.status < HTTPStatus.BAD_REQUEST

    @property
    def error(self) -> str:
        """What is wrong, as `status reason: message`; empty if nothing is."""
        if self.ok:
            return ""
        error = self.value.get("error", {})
        reasons = [each.get("reason", "") for each in error.get("errors", [])]
        return f"{self.status} {', '.join(reasons)}: {error.get('message', '')}"


class Probe:
    """Asks BigQuery, and tells what was found.

    Args:
        project: Where to ask.
        tell: Takes the finding.
    """

    def __init__(self, project: Project, tell: Callable[[Finding], None]) -> None:
        self.project = project
        self._tell = tell
        self._session = requests.Session()
        self._base = f"{project.api_endpoint}/bigquery/v2/projects/{project.name}"

    def tell(self, rule: str, *, confirmed: bool, seen: str) -> None:
        """Tell what BigQuery does about a rule. The names of project and datasets are left out."""
        plain = seen.replace(self.project.name, "project").replace(self.project.prefix, "")[:_LONGEST_SEEN]
        self._tell(Finding(rule, "confirmed" if confirmed else "not confirmed", plain))

    def ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, parameters: Mapping[str, str] | None = None
    ) -> Reply:
        """Send one request, and return the answer.

        Args:
            method: Such as `GET`.
            path: The path below the project, such as `/datasets`.
            body: The JSON to send.
            parameters: Parameters of the query.
        """
        answer = self._session.request(
            method, self._base + path, json=body, params=parameters, timeout=_TIMEOUT_SECONDS
        )
        return Reply(answer.status_code, answer.json() if answer.content else {})

    def make_dataset(self, name: str, **values: Any) -> str:  # noqa: ANN401 - JSON
        """Create a dataset with these values, and return its path below the project."""
        reference = {"projectId": self.project.name, "datasetId": self.project.dataset(name)}
        location = {"location": self.project.location} if self.project.location else {}
        reply = self.ask("POST", "/datasets", {"datasetReference": reference, **location, **values})
        assert reply.ok, reply.error
        return f"/datasets/{self.project.dataset(name)}"

    def make_table(self, dataset: str, name: str, **values: Any) -> Reply:  # noqa: ANN401 - JSON
        """Create a table with one INT64 column `id`, or with these values, and return the answer."""
        reference = self.reference(dataset, name)
        fields = {"schema": {"fields": [{"name": "id", "type": "INTEGER"}]}}
        return self.ask("POST", f"{dataset}/tables", {"tableReference": reference, **fields, **values})

    def reference(self, dataset: str, name: str) -> dict[str, str]:
        """Return the reference of a table. The dataset is given by its path."""
        return {"projectId": self.project.name, "datasetId": dataset.rpartition("/")[2], "tableId": name}

    def submit(self, **configuration: Any) -> dict[str, str]:  # noqa: ANN401 - JSON
        """Send a job and return its reference.

        Raises:
            AssertionError: If it is not even accepted.
        """
        reply = self._insert(**configuration)
        assert reply.ok, reply.error
        return dict(reply.value["jobReference"])

    def wait(self, reference: dict[str, str]) -> dict[str, Any]:
        """Wait for the end of a job, and return the job."""
        deadline = time.monotonic() + _JOB_SECONDS
        while True:
            reply = self.ask("GET", f"/jobs/{reference['jobId']}", parameters=self.place(reference))
            assert reply.ok, reply.error
            if reply.value["status"]["state"] == "DONE":
                return reply.value
            assert time.monotonic() < deadline, "the job does not end"
            time.sleep(_POLL_SECONDS)

    def run(self, sql: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Run a statement, which must succeed, and return its job."""
        job = self.wait(self.submit(query={"query": sql, "useLegacySql": False, **options}))
        assert "errorResult" not in job["status"], job["status"]["errorResult"]
        return job

    def refusal(self, sql: str, *, dry_run: bool = False) -> str:
        """Run a statement and return how it was refused, as `reason: message`; empty if it succeeded."""
        return self.refusal_of(query={"query": sql, "useLegacySql": False}, dryRun=dry_run)

    def refusal_of(self, **configuration: Any) -> str:  # noqa: ANN401 - JSON
        """Run a job and return how it was refused; empty if it succeeded."""
        reply = self._insert(**configuration)
        if not reply.ok or configuration.get("dryRun"):
            return reply.error
        error = self.wait(reply.value["jobReference"])["status"].get("errorResult")
        return f"{error['reason']}: {error['message']}" if error else ""

    def rows(self, job: dict[str, Any]) -> list[list[str | None]]:
        """Return the rows of a query as texts."""
        reference = job["jobReference"]
        reply = self.ask("GET", f"/queries/{reference['jobId']}", parameters=self.place(reference))
        assert reply.ok, reply.error
        return [[cell["v"] for cell in row["f"]] for row in reply.value.get("rows", [])]

    @staticmethod
    def place(reference: dict[str, str]) -> dict[str, str]:
        """Return the parameter that says where a job is; none where it has no location."""
        return {"location": reference["location"]} if reference.get("location") else {}

    def _insert(self, **configuration: Any) -> Reply:  # noqa: ANN401 - JSON
        reference = {"projectId": self.project.name, "jobId": uuid.uuid4().hex}
        if self.project.location:
            reference["location"] = self.project.location
        return self.ask("POST", "/jobs", {"jobReference": reference, "configuration": configuration})
