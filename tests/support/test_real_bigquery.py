"""What the runs against the real BigQuery rely on: that a wrong call is seen, and that nothing else is touched."""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from support.real_bigquery import names, report
from support.real_bigquery.bill import LEAST_BYTES, Bill, most_billed_bytes
from support.real_bigquery.discovery import Discovery
from support.real_bigquery.gateway import Gateway
from support.real_bigquery.guard import Guard
from support.real_bigquery.rules import RULES
from support.real_bigquery.site import Finding, Results, Site

if TYPE_CHECKING:
    from servicetitan_sandbox.client.processes import BigQuery

BASE = "/bigquery/v2/projects/p"
ROOT = Path(__file__).resolve().parents[2]
NOW = dt.datetime(2024, 5, 6, 7, 8, 9, tzinfo=dt.UTC)
PREFIX = "etl_check_20240506t070809_0a1b2c3d_"


@pytest.fixture(scope="session")
def discovery() -> Discovery:
    return Discovery.of_bigquery()


def query_job(**query: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"jobReference": {"jobId": "a"}, "configuration": {"query": {"query": "SELECT 1", **query}}}


@pytest.mark.parametrize(
    ("call", "mistake"),
    [
        (("POST", f"{BASE}/jobs?prettyPrint=false", query_job(useLegacySql=False, maximumBytesBilled="7")), None),
        (("GET", f"{BASE}/jobs/a?projection=full&location=EU", None), None),
        (("GET", f"{BASE}/datasets/d/tables/t", None), None),
        (("PATCH", f"{BASE}/datasets/d", {"labels": {"any": "x"}, "defaultTableExpirationMs": 7}), None),
        (("POST", f"{BASE}/jobs/a/cancel", {}), None),
        (("PUT", f"/upload{BASE}/jobs?uploadType=resumable&upload_id=x", b"PAR1"), None),
        (("POST", f"{BASE}/job", {}), "POST /bigquery/v2/projects/p/job: there is no such method"),
        (("DELETE", f"{BASE}/jobs/a", None), "there is no such method"),
        (("GET", f"{BASE}/jobs/a?locaton=EU", None), "bigquery.jobs.get: unknown parameter `locaton`"),
        (("GET", f"{BASE}/jobs?projection=all", None), "the parameter `projection` must not be `all`"),
        (("POST", f"{BASE}/jobs", query_job(legacy=False)), "unknown field `configuration.query.legacy`"),
        (("POST", f"{BASE}/jobs", query_job(useLegacySql="no")), "`configuration.query.useLegacySql` must be boolean"),
        (("POST", f"{BASE}/jobs", query_job(priority=True)), "`configuration.query.priority` must be string"),
        (
            ("POST", f"{BASE}/datasets/d/tables", {"schema": {"fields": [{"name": "a", "typ": "STRING"}]}}),
            "unknown field `schema.fields[0].typ`",
        ),
        (("POST", f"{BASE}/jobs/a/cancel", {"force": True}), "it has no body"),
        (("POST", f"{BASE}/jobs", b"{"), "the body is not JSON"),
        (
            ("POST", f"/upload{BASE}/jobs?uploadType=multipart", b'--x\r\na: b\r\n\r\n{"jobRef": 1}\r\n--x--'),
            "unknown field `jobRef`",
        ),
    ],
)  # fmt: skip
def test_a_wrong_call_is_seen(call: tuple[str, str, Any], mistake: str | None, discovery: Discovery) -> None:
    method, path, value = call
    body = value if isinstance(value, bytes) else b"" if value is None else json.dumps(value).encode()

    mistakes = discovery.find_mistakes(method, path, body)

    assert [mistake in each for each in mistakes] == [True] if mistake else mistakes == [], mistakes


@pytest.mark.parametrize(
    ("method", "path", "value", "allowed"),
    [
        ("GET", f"{BASE}/datasets", None, True),
        ("GET", f"{BASE}/datasets/{PREFIX}a/tables/t", None, True),
        ("DELETE", f"{BASE}/datasets/{PREFIX}a?deleteContents=true", None, True),
        ("POST", f"{BASE}/jobs", query_job(query=f"SELECT `end` FROM `p.{PREFIX}a.t`"), True),
        ("POST", f"{BASE}/jobs", query_job(query="SELECT 1 FROM `region-eu`.INFORMATION_SCHEMA.JOBS"), True),
        ("DELETE", f"{BASE}/datasets/bronze?deleteContents=true", None, False),
        ("DELETE", f"{BASE}/datasets/br%6Fnze", None, False),
        ("GET", "/bigquery/v2/projects/q/datasets", None, False),
        ("POST", f"{BASE}/datasets", {"datasetReference": {"datasetId": "bronze"}}, False),
        (
            "POST",
            f"{BASE}/jobs",
            query_job(query=f"SELECT t.`a`.`b` IS DISTINCT FROM t.c FROM `p`.{PREFIX}a.t AS t"),
            True,
        ),
        ("POST", f"{BASE}/jobs", query_job(query="SELECT 1 FROM `p.bronze.t`"), False),
        ("POST", f"{BASE}/jobs", query_job(query="DELETE FROM bronze.t WHERE TRUE"), False),
        ("POST", f"{BASE}/jobs", query_job(query="DELETE FROM `bronze`.`t` WHERE TRUE"), False),
        ("POST", f"{BASE}/jobs", query_job(query=f"SELECT 1 FROM `q.{PREFIX}a.t`"), False),
        ("POST", f"{BASE}/queries", {"query": "DROP TABLE `p.bronze.t`"}, False),
        ("POST", f"{BASE}/queries", {"query": "DROP TABLE `p`.`bronze`.`t`"}, False),
        (
            "POST",
            f"{BASE}/jobs",
            query_job(destinationTable={"projectId": "q", "datasetId": f"{PREFIX}a", "tableId": "t"}),
            False,
        ),
        ("POST", f"/upload{BASE}/jobs", b"unclear", False),
    ],
)
def test_only_what_the_run_made_is_touched(
    method: str,
    path: str,
    value: Any,  # noqa: ANN401 - JSON
    allowed: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    body = value if isinstance(value, bytes) else b"" if value is None else json.dumps(value).encode()

    assert (Guard("p", PREFIX).refusal(method, path, body) == "") is allowed


def test_leftovers_are_found_by_their_names_and_nothing_else_is() -> None:
    assert names.new_prefix(NOW)[:-9] == PREFIX[:-9]
    old, young = f"{PREFIX}gw0_1_bronze", "etl_check_20240507t070000_0a1b2c3d_gw0_1_bronze"
    others = ["bronze", "etl_check", "etl_check_x_bronze", f"my_{PREFIX}bronze"]

    assert names.leftovers([*others, old, young], NOW + dt.timedelta(days=1, seconds=1)) == [old]


def test_the_bill_has_a_limit() -> None:
    jobs = f"{BASE}/jobs"
    select = json.dumps(query_job(query="SELECT 1 FROM `p.d.a` JOIN `p.d.b` JOIN `p.d.a`")).encode()
    merge = json.dumps(query_job(query="MERGE `p.d.a` AS t USING `p.d.b` AS s")).encode()
    load = json.dumps({"configuration": {"load": {}}}).encode()
    dry = json.dumps({"configuration": {"dryRun": True, "query": {"query": "SELECT 1"}}}).encode()
    assert [most_billed_bytes("POST", jobs, body) // LEAST_BYTES for body in (select, merge, load, dry)] == [2, 3, 0, 0]

    bill = Bill(share=0.001)
    allowed = [bill.add("POST", jobs, select) for _ in range(20)]
    assert allowed == [True] * 7 + [False] * 13
    assert bill.add("POST", jobs, load)
    assert (bill.queries, bill.bytes) == (7, 14 * LEAST_BYTES)


def test_a_refused_call_does_not_come_through_and_a_wrong_one_is_noted(
    bigquery: BigQuery, discovery: Discovery
) -> None:
    with Gateway(bigquery.api_endpoint, discovery, Guard("p", PREFIX)) as gateway:
        base = f"{gateway.url}{BASE}"
        foreign = requests.post(f"{base}/datasets", json={"datasetReference": {"datasetId": "bronze"}}, timeout=60)
        wrong = requests.get(f"{base}/datasets?max=1", timeout=60)
        mistakes = gateway.take_mistakes()

    assert (foreign.status_code, wrong.status_code) == (403, 200)
    assert "did not make" in foreign.json()["error"]["message"]
    assert not requests.get(f"{bigquery.api_endpoint}{BASE}/datasets", timeout=60).json().get("datasets")
    assert [re.sub(".*: ", "", mistake) for mistake in mistakes] == [
        "it names the dataset `bronze`, which this run did not make",
        "unknown parameter `max`",
    ]


def test_the_report_replaces_what_the_last_one_of_its_kind_said(tmp_path: Path) -> None:
    document = tmp_path / "report.md"
    parts = "".join(
        f"<!-- run: {name} -->\nold {name}\n<!-- end of run: {name} -->\n" for name in ("real", "rehearsal")
    )
    document.write_text(f"Title\n{parts}")
    results = Results([Finding("aliases", "confirmed", "a|b")], {"bigquery.jobs.get": [0.1] * 5, "rare": [1]}, 3, 7)
    site = Site("secret-project", PREFIX, "europe-west3", is_real=True)

    report.write(document, site, Results.from_dict(results.to_dict()), Counter({("tests/a.py", "passed"): 2}), NOW)

    text = document.read_text()
    assert "old rehearsal" in text
    for part in ("2024-05-06, Google's BigQuery, in europe-west3: 2 tests passed", "| confirmed | a\\|b |", "0.100 s"):
        assert part in text
    for part in ("old real", "secret-project", "rare"):
        assert part not in text
    assert text.count("| not tried |") == len(RULES) - 1


def test_the_rehearsal_finds_its_tests_and_a_run_needs_its_project() -> None:
    folders = ("tests/real_bigquery", "tests/target/end_to_end", "tests/fleet/end_to_end")
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "bigquery and not long", *folders]
    found = subprocess.run([*command, "--bigquery-rehearsal"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = {line.split("::")[0].rpartition("/")[2] for line in found.stdout.splitlines() if "::" in line}
    assert files == {
        "test_contract.py", "test_descriptions.py",
        "test_crashes.py", "test_dry_run.py", "test_history.py", "test_keys.py", "test_lease.py",
        "test_live_view.py", "test_preflight.py", "test_quarantine.py", "test_rules.py", "test_tables.py",
        "test_times.py", "test_types.py",
    }  # fmt: skip
    make = subprocess.run(["make", "-n", "test-bigquery"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert make.returncode != 0
    assert "PROJECT=" in make.stderr
