"""Counts the requests of a run: streams without records cost nothing after the first, and small ones little."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from google.cloud.bigquery import Table

from support.proxy import Proxy
from support.singer import INTEGER, STRING, activate, record, schema, state
from support.target.ways import INLINE, STAGED
from target_bigquery_softdelete.audit.etl_log import LOG_FIELDS
from target_bigquery_softdelete.bigquery import fused_queries
from target_bigquery_softdelete.bigquery.job_wait import FIRST_ROWS
from target_bigquery_softdelete.bigquery.jobs import Jobs
from target_bigquery_softdelete.bigquery.lease import LEASE_TABLE
from target_bigquery_softdelete.bigquery.retry import RetryPolicy
from target_bigquery_softdelete.load import prepare_table

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.proxy import Request
    from support.target.harness import Result, TargetRunner

CONSTANT = {"POST lease": 1, "POST tables etl_logs": 1, "POST job etl_logs": 1, "POST queries": 1}
"""The most requests of every run that are no mere look-ups, however many streams it has. The last is for what is known
of the tables."""

FIRST = {"POST datasets": 3, "POST job freshness": 1}
"""What the first run adds: the datasets, and the view beside the log."""

COMPARED = {"POST queries": 1}
"""What the comparisons of all streams add."""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let streams wait for each other however slow the machine is, so that they always ask together."""
    monkeypatch.setattr(fused_queries, "LONGEST_WAIT_SECONDS", 60.0)


def messages(numbers: range, *, rows: int = 0, complete: bool = False) -> list[dict[str, object]]:
    """Return the messages of a tap with some of its streams."""
    found: list[dict[str, object]] = []
    for name in (f"stream_{number}" for number in numbers):
        found += [schema(name, {"id": INTEGER, "name": STRING})]
        found += [record(name, {"id": key, "name": "any"}, version=1 if complete else None) for key in range(rows)]
        found += [activate(name, 1)] if complete else []
        found += [state({"bookmarks": {name: 1}})]
    return found


def kind(request: Request) -> str:
    """Return two or three words for a request, without the names of project, stream and run."""
    path = request.path.split("?")[0].rpartition("/projects/")[2].split("/", 1)[1]
    path = re.sub(r"^datasets/(\w+)/tables", r"tables \1", path)
    if job := re.search(rb'"jobId": ?"\w+-([a-z_]+)', request.body):
        return f"{request.method} job {job[1].decode()}"
    if LEASE_TABLE.encode() in request.body or LEASE_TABLE in request.path:
        return f"{request.method} lease"
    if b'"etl_logs"' in request.body or "etl_logs" in path:
        return f"{request.method} tables etl_logs"
    return f"{request.method} {re.sub(r'/.*', '', path)}"


def run(
    target: TargetRunner,
    project: Project,
    *input_: dict[str, object],
    **settings: object,
) -> tuple[Result, Counter[str]]:
    """Run the target and count its requests, except those that wait for a job, or find or renew the lease."""
    with Proxy(project.api_endpoint) as proxy:
        result = target(*input_, api_endpoint=proxy.url, on_concurrent_run="refuse", **settings)
    kinds = Counter(map(kind, proxy.requests))
    return result, Counter(
        {kind: n for kind, n in kinds.items() if kind not in {"GET jobs", "GET queries", "GET lease", "PATCH lease"}}
    )


def changes(kinds: Counter[str]) -> Counter[str]:
    """Return the requests that are no mere look-ups and that not every run sends."""
    return Counter({kind: n for kind, n in kinds.items() if not kind.startswith("GET ")}) - Counter(CONSTANT)


def test_streams_without_records_ask_for_nothing_but_their_first_table(target: TargetRunner, project: Project) -> None:
    few = [*messages(range(1)), *messages(range(1, 2), complete=True)]
    many = [*messages(range(20)), *messages(range(20, 40), complete=True)]

    first, created = run(target, project, *few)
    second, again = run(target, project, *few)
    third, of_many = run(target, project, *many)
    _, of_same = run(target, project, *many)

    assert [result.code for result in (first, second, third)] == [0, 0, 0]
    assert [result.states for result in (first, third)] == [[{"bookmarks": {f"stream_{last}": 1}}] for last in (1, 39)]
    assert changes(created) == {**FIRST, "POST tables bronze": 2}
    assert changes(again) == changes(of_same) == {}
    assert changes(of_many) == {"POST tables bronze": 38}
    # Whether the table of an empty snapshot has rows is asked; the others are not touched.
    assert of_same - again == {"GET tables bronze": 19}
    assert len(project.log("stream_39")) == 2


def test_small_streams_ask_for_the_least(target: TargetRunner, project: Project) -> None:
    small = messages(range(3), rows=2, complete=True)
    first, created = run(target, project, *small)
    same, known = run(target, project, *small)
    _, nothing = run(target, project, *messages(range(3)))
    again, unchanged = run(target, project, *small)
    _, merged = run(target, project, *messages(range(3), rows=4, complete=True))

    assert (first.code, same.code, again.code) == (0, 0, 0)
    assert changes(created) == {**FIRST, "POST tables bronze": 3, "POST job fill": 3}
    assert changes(known) == changes(nothing) == {}
    # A stream that brought nothing meanwhile makes its snapshot unknown.
    assert changes(unchanged) == COMPARED
    assert changes(merged) == {**COMPARED, "POST job merge": 3}
    assert [row["rows_unchanged"] for row in project.log("stream_2")] == [0, 2, 0, 2, 2]


def test_streams_with_staging_tables_ask_for_no_more_than_those(target: TargetRunner, project: Project) -> None:
    first, created = run(target, project, *messages(range(3), rows=2, complete=True), **STAGED)
    same, unchanged = run(target, project, *messages(range(3), rows=2, complete=True), **STAGED)

    assert (first.code, same.code) == (0, 0)
    staged = {"POST tables staging": 3, "POST job load": 3, "DELETE tables staging": 3}
    assert changes(created) == {**FIRST, "POST tables bronze": 3, "POST job fill": 3, **staged}
    assert changes(unchanged) == {**COMPARED, **staged}
    assert [row["rows_unchanged"] for row in project.log("stream_2")] == [0, 2]


def test_records_that_are_as_they_were_spare_a_small_table_the_merge(
    target: TargetRunner, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(target, project, *messages(range(3), rows=2))
    before = project.rows("stream_2")
    _, unchanged = run(target, project, *messages(range(3), rows=2))
    changed = [record("stream_2", {"id": 1, "name": "other"}), record("stream_2", {"id": 7, "name": "new"})]
    _, written = run(target, project, *messages(range(2, 3), rows=2), *changed)
    monkeypatch.setattr(prepare_table, "LEAST_BILLED_BYTES", -1)
    _, of_large = run(target, project, *messages(range(1), rows=2))

    assert changes(unchanged) == COMPARED
    assert changes(written) == changes(of_large) == {**COMPARED, "POST job merge": 1}
    rows = project.rows("stream_2")
    assert rows[0] == before[0]
    assert {key: rows[key]["_etl_operation"] for key in rows} == {0: "INSERT", 1: "UPDATE", 7: "INSERT"}
    counted = ("rows_inserted", "rows_updated", "rows_unchanged")
    assert [tuple(row[name] for name in counted) for row in project.log("stream_2")] == [
        (2, 0, 0),
        (0, 0, 2),
        (1, 1, 1),
    ]
    assert [row["rows_unchanged"] for row in project.log("stream_0")] == [0, 2, 2]


def snapshot(name: str, version: int, keys: range, *, good: int, bad: int) -> list[dict[str, object]]:
    """Return a complete snapshot of a stream, with a record that fits and one that does not."""
    names = [*((key, "any") for key in keys), (good, "good"), (bad, [])]
    records = [record(name, {"id": key, "name": value}, version=version) for key, value in names]
    return [schema(name, {"id": INTEGER, "name": STRING}), *records, activate(name, version), state({"bookmarks": {}})]


@pytest.mark.long
def test_rejected_records_and_earlier_marks_of_many_streams_cost_as_much_as_those_of_one(
    target: TargetRunner, project: Project
) -> None:
    costs = []
    for names in (["one"], ["two", "three", "four", "five"]):
        before = [message for name in names for message in snapshot(name, 1, range(20), good=80, bad=90)]
        # Eight of twenty rows are missing: so many are judged together with the runs before.
        after = [message for name in names for message in snapshot(name, 2, range(12), good=90, bad=91)]
        assert run(target, project, *before, on_invalid_record="quarantine")[0].code == 0
        result, kinds = run(target, project, *after, on_invalid_record="quarantine")
        assert result.code == 0
        costs.append({kind: n for kind, n in kinds.items() if re.search("reject|earlier|logs|close", kind)})

    assert costs[0] == costs[1]
    assert {"POST job close", "POST job earlier", "POST job etl_rejected_records"} <= costs[0].keys()
    table = f"`{project.name}.management.etl_rejected_records`"
    rejected = project.query(f"SELECT record_key, open FROM {table} ORDER BY stream, record_key")
    assert [(row["record_key"], row["open"]) for row in rejected] == [('{"id":90}', False), ('{"id":91}', True)] * 5
    assert [row["rows_deleted"] for row in project.log("five")] == [0, 9]


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(("way", "named"), [(INLINE, 1), (STAGED, 2)], ids=["inline", "staged"])
def test_the_log_says_what_bigquery_bills(
    way: dict[str, Any], named: int, target: TargetRunner, project: Project
) -> None:
    for name in ("any", "any", "other"):
        rows = [record("jobs", {"id": key, "name": name}) for key in range(3)]
        target(schema("jobs", {"id": INTEGER, "name": STRING}), *rows, **way)

    # Each statement names the table, and the staging table if there is one: what fills a new table, a comparison, and
    # then a comparison and a MERGE.
    least = named * (10 << 20)
    assert [row["bytes_billed"] for row in project.log("jobs")] == [least, least, 2 * least]


@pytest.mark.usefixtures("alone")
def test_what_streams_ask_together_is_billed_as_if_each_had_asked_alone(target: TargetRunner, project: Project) -> None:
    for version in (1, 2):
        assert target(*messages(range(7), rows=3 * version, complete=True)).code == 0

    for number in range(7):
        # A comparison, which was one for all of them, and a MERGE.
        assert [row["bytes_billed"] for row in project.log(f"stream_{number}")] == [10 << 20, 20 << 20]


def test_rows_that_do_not_come_with_the_end_of_a_query_come_after_it(project: Project) -> None:
    sql = f"SELECT n FROM UNNEST(GENERATE_ARRAY(1, {2 * FIRST_ROWS})) AS n"
    project.client.create_dataset("bronze")

    job = Jobs(project.client, RetryPolicy(), most=1).run(
        "numbers", lambda job_id: project.client.query(sql, job_id=job_id, job_retry=None)
    )

    assert sorted(row["n"] for row in job.result(job_retry=None)) == list(range(1, 2 * FIRST_ROWS + 1))


def test_the_log_says_where_the_time_of_the_whole_run_went(target: TargetRunner, project: Project) -> None:
    # A table of a version that did not know the columns gets them.
    older = [field for field in LOG_FIELDS if field.name not in {"source_ms", "staging_ms", "bigquery_ms"}]
    project.client.create_dataset("management")
    project.client.create_table(Table(f"{project.name}.management.etl_logs", schema=older))

    result = target(*messages(range(2), rows=2, complete=True))

    assert result.code == 0
    said = [line.rsplit(" | ", 1)[-1] for line in result.log.splitlines() if "the run took" in line]
    assert len(said) == 1
    assert re.fullmatch(
        r"the run took [\d.]+ s: waiting for the source [\d.]+ s, staging [\d.]+ s, BigQuery [\d.]+ s", said[0]
    )
    (one,), (other,) = project.log("stream_0"), project.log("stream_1")
    times = [[row[f"{name}_ms"] for name in ("source", "staging", "bigquery")] for row in (one, other)]
    assert times[0] == times[1]
    # Everything came at once, so the rest took longer than nothing.
    assert min(times[0][1:]) > 0


def described(numbers: range, text: str) -> list[dict[str, object]]:
    """Return the messages of complete snapshots whose schemas have descriptions."""
    found: list[dict[str, object]] = []
    for name in (f"stream_{number}" for number in numbers):
        found += [schema(name, {"id": {**INTEGER, "description": text}}), record(name, {"id": 1}, 1), activate(name, 1)]
    return found


def test_descriptions_cost_a_look_and_a_change_a_table_and_only_when_they_differ(
    target: TargetRunner, project: Project
) -> None:
    _, created = run(target, project, *described(range(5), "Key."))
    _, again = run(target, project, *described(range(5), "Key."))
    result, other = run(target, project, *described(range(5), "Number."))
    _, settled = run(target, project, *described(range(5), "Number."))
    _, unchanged = run(target, project, *described(range(5), "Number."))
    _, off = run(target, project, *described(range(5), "Number."), descriptions="off")
    run(target, project, *described(range(5), "Number."), descriptions="off")
    _, still_off = run(target, project, *described(range(5), "Number."), descriptions="off")

    assert result.code == 0
    assert changes(created) == {**FIRST, "POST tables bronze": 5, "POST job fill": 5}
    assert changes(again) == changes(unchanged) == {}
    assert again["GET tables bronze"] == unchanged["GET tables bronze"] == 1  # the list of tables
    assert changes(off) == {"PATCH tables bronze": 5}
    assert changes(still_off) == {}
    assert changes(other) == {"PATCH tables bronze": 5}
    assert other - again == {"GET tables bronze": 5, "PATCH tables bronze": 5}
    assert changes(settled) == COMPARED
    assert {row["rows_unchanged"] for row in project.log("stream_1")[1:]} == {1}
