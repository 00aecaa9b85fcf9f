"""The tap in a pipe with targets of other projects: they load exactly what ServiceTitan sent, to the last digit."""

from __future__ import annotations

import ast
import csv
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.plugins import SDK, install_plugin
from support.postgres import run_postgres
from support.tap.harness import Company, add_company, comparable
from tap_servicetitan.tap import TapServiceTitan

if TYPE_CHECKING:
    from servicetitan_sandbox.client.processes import ServiceTitan

TAP = str(Path(sys.executable).with_name("tap-servicetitan"))
JSONL = ("target-jsonl", "target-jsonl==0.1.4")
POSTGRES = ("target-postgres", "meltanolabs-target-postgres==0.8.1", SDK)
CSV = ("target-csv", "meltanolabs-target-csv==0.5.0", SDK)
DUCKDB = ("target-duckdb", "target-duckdb==0.8.0", "duckdb==2.0.1")
STREAMS = ("activities", "technicians")
AWKWARD = {
    "burdenRate": Decimal("12345678901234567.1230"),
    "jobId": 2**53 + 1,
    "memo": 'line\nbreak \u2028 \N{GRINNING FACE} "quoted" \\ \t',
    "home": {"street": "x", "latitude": Decimal("1.50"), "unsaid": [1, {"a": None}]},
    "customFields": [{"typeId": 1, "name": "n", "value": "v"}],
    "startDate": "2024-02-29T10:00:00.1234567Z",
    "unknown": {"rate": Decimal("2.50")},
}


class OtherPipe:
    """Runs `tap | target`, continuing from the last state."""

    def __init__(self, company: Company, folder: Path, target: str, **config: Any) -> None:  # noqa: ANN401 - the target's
        self._folder = folder
        self._state: str | None = None
        catalog: dict[str, Any] = TapServiceTitan(config=company.config).catalog_dict
        for stream in catalog["streams"]:
            stream["metadata"][-1]["metadata"]["selected"] = stream["tap_stream_id"] in STREAMS
        tap = {"config": company.config, "catalog": catalog}
        self._tap = [TAP, *(part for name, content in tap.items() for part in self._option(name, content))]
        self._target = [target, "--config", self._option("target", config)[1]]

    def _option(self, name: str, content: object) -> tuple[str, str]:
        path = self._folder / f"{name}.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return f"--{name}", str(path)

    def __call__(self) -> None:
        """Run both to the end. Both must succeed."""
        tap = [*self._tap, *(self._option("state", self._state) if self._state else ())]
        with (
            (self._folder / "log").open("w+") as log,
            subprocess.Popen(tap, stdout=subprocess.PIPE, stderr=log) as reader,
        ):
            target = subprocess.run(
                self._target,
                stdin=reader.stdout,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                check=False,
                timeout=120,
            )
            codes = reader.wait(60), target.returncode
            log.seek(0)
            assert codes == (0, 0), log.read()
        self._state = target.stdout.splitlines()[-1]


@pytest.fixture
def company(servicetitan: ServiceTitan) -> Company:
    """A new tenant with a technician who has a value of every type."""
    company = add_company(servicetitan)
    company.settings["unknown_fields"] = "extra"
    return company


def add_technician(company: Company) -> int:
    return int(company.server.control.insert(company.id, "technicians", AWKWARD)["id"])


@pytest.mark.timeout(400)  # it may have to install the target first
def test_a_target_that_writes_files(company: Company, tmp_path: Path) -> None:
    identifier = add_technician(company)
    OtherPipe(company, tmp_path, install_plugin(*JSONL), destination_path=str(tmp_path))()
    landed = {}
    for stream in STREAMS:
        (path,) = tmp_path.glob(f"{stream}-*.jsonl")
        lines = path.read_text().splitlines()
        landed[stream] = {record["id"]: record for record in (json.loads(line, parse_float=Decimal) for line in lines)}
    for stream in STREAMS:
        sent = {record["id"]: record for record in company.server.control.records(company.id, stream)}
        if stream == "technicians":
            sent[identifier]["_extra"] = {"unknown": sent[identifier].pop("unknown")}
        assert {key: comparable(record) for key, record in landed[stream].items()} == {
            key: comparable(record) for key, record in sent.items()
        }
    assert str(landed["technicians"][identifier]["burdenRate"]) == "12345678901234567.1230"


@pytest.mark.long
@pytest.mark.timeout(400)  # it may have to install the target first
def test_a_target_that_writes_to_a_database_and_marks_deleted_rows(company: Company, tmp_path: Path) -> None:
    identifier = add_technician(company)
    target = install_plugin(*POSTGRES)
    with run_postgres() as server:
        login = {"host": "127.0.0.1", "port": server.port, "user": "postgres", "password": "x", "database": "postgres"}
        pipe = OtherPipe(company, tmp_path, target, **login, default_target_schema="st")
        pipe()
        row = json.loads(
            server.execute(f"SELECT row_to_json(t) FROM st.technicians t WHERE id = {identifier}"), parse_float=Decimal
        )
        assert str(row["burdenRate"]) == "12345678901234567.1230"
        assert {name: row[name] for name in AWKWARD if name not in {"startDate", "unknown"}} == {
            name: value for name, value in AWKWARD.items() if name not in {"startDate", "unknown"}
        }
        assert row["startDate"] == "2024-02-29T10:00:00.123456"
        assert row["_extra"] == {"unknown": AWKWARD["unknown"]}

        company.server.control.delete(company.id, "technicians", identifier)
        pipe()
        assert server.execute("SELECT id FROM st.technicians WHERE _sdc_deleted_at IS NOT NULL").split() == [
            str(identifier)
        ]
        assert server.execute("SELECT count(*) FROM st.activities WHERE _sdc_deleted_at IS NULL").split() == ["25"]


@pytest.mark.long
@pytest.mark.timeout(400)  # it may have to install the target first
def test_a_target_that_writes_tables_of_text(company: Company, tmp_path: Path) -> None:
    identifier = add_technician(company)
    pipe = OtherPipe(company, tmp_path, install_plugin(*CSV), output_path=str(tmp_path))
    pipe()
    with (tmp_path / "technicians.csv").open(newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert len(rows) == len(company.server.control.records(company.id, "technicians"))
    row = rows[str(identifier)]
    assert {name: row[name] for name in ("burdenRate", "jobId", "memo")} == {
        "burdenRate": "12345678901234567.1230",
        "jobId": str(2**53 + 1),
        "memo": AWKWARD["memo"],
    }
    assert ast.literal_eval(row["customFields"]) == AWKWARD["customFields"]  # as Python writes it, not as JSON


@pytest.mark.long
@pytest.mark.timeout(400)  # it may have to install the target first
def test_a_target_that_loses_digits_and_deletions(company: Company, tmp_path: Path) -> None:
    """docs/how-to/other-targets.md says so. When this fails, the target has become better, and the page is wrong."""
    identifier = add_technician(company)
    database = tmp_path / "d.duckdb"
    target = install_plugin(*DUCKDB)
    pipe = OtherPipe(company, tmp_path, target, path=str(database), default_target_schema="st")

    def query(sql: str) -> Any:  # noqa: ANN401 - any JSON
        code = (
            "import duckdb, json, sys; print(json.dumps(duckdb.connect(sys.argv[1]).execute(sys.argv[2]).fetchall()))"
        )
        return json.loads(
            subprocess.check_output([Path(target).with_name("python"), "-c", code, database, sql], text=True)
        )

    pipe()
    company.server.control.delete(company.id, "technicians", identifier)
    pipe()
    assert query(f"SELECT burdenrate, jobid FROM st.technicians WHERE id = {identifier}") == [
        [12345678901234567.1230, 2**53 + 1]
    ]

    schema = {"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"}}}
    messages = [
        {"type": "SCHEMA", "stream": "texts", "schema": schema, "key_properties": ["id"]},
        *({"type": "RECORD", "stream": "texts", "record": {"id": name, "name": name}} for name in ("a", "b", "c")),
    ]
    lines = "".join(json.dumps(message) + "\n" for message in messages)
    subprocess.run([target, "--config", str(tmp_path / "target.json")], input=lines, text=True, check=True)
    assert query("SELECT id FROM st.texts ORDER BY id") == [["b"], ["c"]]
