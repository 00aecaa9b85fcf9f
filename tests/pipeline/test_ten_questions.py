"""The queries of docs/how-to/ten-questions.md run, and answer what they say, on tables with the tap's own schemas."""

from __future__ import annotations

import json
import re
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from servicetitan_sandbox.client.bigquery_project import Project
from support.singer import activate, lines, record, schema
from support.target.harness import COMMAND
from tap_servicetitan.catalog.entries import schema_of
from tap_servicetitan.specs.registry import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicetitan_sandbox.client.processes import BigQuery

PAGE = Path(__file__).parents[2] / "docs/how-to/ten-questions.md"
SPECS = {spec.name: spec for spec in STREAMS}
FIELDS = {
    "customers": "id mergedToId",
    "invoices": "id referenceNumber totalDecimal invoiceDate",
    "jobs": "id jobStatus customerId soldById completedOn summary",
    "pricebook_services": "id code price",
    "technicians": "id name businessUnitId",
}
"""The fields that the queries need, by stream: with all of them, the test would take a minute longer."""

MOMENT = "TIMESTAMP '2026-05-01'"
"""What stands in the queries for the moment between the first run and the second."""


def invoice(key: int, total: str) -> dict[str, Any]:
    return {
        "id": key,
        "referenceNumber": str(key),
        "totalDecimal": Decimal(total),
        "invoiceDate": "2026-04-10T00:00:00Z",
    }


def job(key: int, status: str, customer: int, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"id": key, "jobStatus": status, "customerId": customer, "soldById": 5, **more}


def messages(version: int, **streams: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield complete snapshots of streams."""
    for name, records in streams.items():
        known = schema_of(SPECS[name])["properties"]
        yield schema(name, {field: known[field] for field in FIELDS[name].split()}, SPECS[name].key)
        for each in records:
            plain = {field: float(value) if isinstance(value, Decimal) else value for field, value in each.items()}
            yield record(name, plain, version)
        yield activate(name, version)


class Answers:
    """A company after three runs, and the answers to the questions."""

    def __init__(self, project: Project, folder: Path) -> None:
        self._project = project
        settings = {"api_endpoint": project.api_endpoint, "history": ["*"], "max_delete_fraction": 1}
        self._config = folder / "config.json"
        self._config.write_text(json.dumps(project.target_settings | settings))
        technician = {"id": 5, "name": "Ana", "businessUnitId": 10}
        service = {"id": 7, "code": "TUNE", "price": 99}
        old = job(4, "Scheduled", 100, completedOn="2020-01-01T00:00:00Z")
        self._run(
            1,
            jobs=[job(1, "Scheduled", 100), job(2, "Scheduled", 300), old],
            customers=[{"id": key} for key in (100, 200, 300)],
            technicians=[technician],
            invoices=[invoice(1, "10"), invoice(2, "20"), invoice(3, "5")],
            pricebook_services=[service],
        )
        first = self._synced("technicians")
        self._moment = f"TIMESTAMP '{max(map(self._synced, FIELDS))}'"
        self._run(
            2,
            technicians=[{**technician, "businessUnitId": 20}],
            invoices=[invoice(1, "10"), invoice(2, "25")],
        )
        self._run(
            3,
            jobs=[
                job(1, "Completed", 100, completedOn=first.isoformat()),
                job(2, "Completed", 300, completedOn=self._synced("technicians").isoformat()),
                {**old, "summary": "An edit that is no change of status."},
            ],
            customers=[{"id": 100, "mergedToId": 200}, {"id": 200, "mergedToId": 300}, {"id": 300}],
            invoices=[invoice(2, "25"), invoice(3, "5")],
            pricebook_services=[{**service, "price": 109}],
        )

    def _run(self, version: int, **streams: list[dict[str, Any]]) -> None:
        command = [COMMAND, "--config", str(self._config)]
        result = subprocess.run(command, input=lines(messages(version, **streams)), capture_output=True, check=False)
        assert result.returncode == 0, result.stderr.decode()

    def _synced(self, table: str) -> Any:  # noqa: ANN401 - a time
        return max(row["_etl_synced"] for row in self._project.rows(table).values())

    def of(self, number: int) -> list[list[Any]]:
        """Return the rows that answer a question, without times that differ from run to run."""
        text = PAGE.read_text("utf-8").partition(f"\n## {number}. ")[2].partition("\n## ")[0]
        (query,) = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
        rows = self._project.query(query.replace(MOMENT, self._moment))
        return [[value for value in row.values() if not hasattr(value, "tzinfo")] for row in rows]


@pytest.fixture(scope="module")
def answers(bigquery: BigQuery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    project = Project(bigquery.api_endpoint)
    yield Answers(project, tmp_path_factory.mktemp("target"))
    project.delete()


@pytest.mark.parametrize(
    ("number", "rows"),
    [
        (1, [["Scheduled", 3]]),
        (2, [[1, "Scheduled", "Completed"], [2, "Scheduled", "Completed"]]),
        (3, [[1, "1", Decimal(10)]]),
        (4, [[3, 0]]),
        (5, [[1, 100, 300], [2, 300, 300], [4, 100, 300]]),
        (6, [[1, "Ana", 10, False], [2, "Ana", 20, False], [4, "Ana", 10, True]]),
        (7, [["Scheduled", 2]]),
        (8, [["2026-04-01", Decimal(35), Decimal(30), Decimal(-5)]]),
        (9, [[7, "TUNE", Decimal(109), Decimal(10)]]),
        (10, [[name, "success"] for name in FIELDS]),
    ],
)
def test_a_question_is_answered(answers: Answers, number: int, rows: list[list[Any]]) -> None:
    found = answers.of(number)
    found = [row[: len(rows[0])] for row in found]  # how long something was depends on the runs
    assert [[str(value) for value in row] for row in found] == [[str(value) for value in row] for row in rows]


def test_the_page_has_ten_questions() -> None:
    assert re.findall(r"^## (\d+)\.", PAGE.read_text("utf-8"), re.MULTILINE) == [str(number) for number in range(1, 11)]
