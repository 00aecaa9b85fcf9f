"""The guard against mass deletion counts every mark, also those that records ask for, over all merges of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.proxy import Proxy, Trap
from support.singer import INTEGER, STRING, activate, record, schema, state
from target_bigquery_softdelete.load import prepare_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import Result, TargetRunner

JOBS = schema("jobs", {"id": INTEGER, "name": STRING})
LIMITS = {"max_delete_rows": 3, "max_delete_fraction": 0.5}


def job(number: int, version: int | None = None, name: str = "same") -> dict[str, Any]:
    return record("jobs", {"id": number, "name": name}, version)


def gone(number: int, version: int | None = None) -> dict[str, Any]:
    return record("jobs", {"id": number, "_sdc_deleted_at": "2024-05-01T00:00:00Z"}, version)


def at(page: int) -> dict[str, Any]:
    return state({"bookmarks": {"jobs": {"page": page}}})


@pytest.fixture
def before(target: TargetRunner, project: Project) -> dict[int, dict[str, Any]]:
    """The rows of a table with ten live rows and one that is deleted, the 99."""
    target(JOBS, *map(job, range(10)), gone(99))
    return project.rows("jobs")


def changed(project: Project, before: dict[int, dict[str, Any]]) -> dict[int, str]:
    """Return what happened to the rows that are not as they were."""
    return {key: row["_etl_operation"] for key, row in project.rows("jobs").items() if row != before.get(key)}


def assert_refused(result: Result, project: Project, *parts: str) -> None:
    assert result.code == 1
    (error,) = result.errors
    for part in ("jobs", "allow_mass_delete", "max_delete_rows", "max_delete_fraction", *parts):
        assert part in error
    assert project.log("jobs")[-1]["status"] == "deletes_refused"
    assert project.log("jobs")[-1]["error"] == error


@pytest.mark.parametrize("is_small", [True, False], ids=["small", "large"])
def test_too_many_deletion_records_mark_nothing_and_the_rest_lands(
    is_small: bool,  # noqa: FBT001 - a parameter of the test
    before: dict[int, dict[str, Any]],
    target: TargetRunner,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not is_small:
        monkeypatch.setattr(prepare_table, "LEAST_BILLED_BYTES", -1)
    messages = [JOBS, *map(gone, range(6)), job(8, name="new"), job(20), job(99), gone(21), at(1)]

    refused = target(*messages, **LIMITS)

    assert_refused(refused, project, "6 of 10 live rows", "records of deletions")
    assert refused.states == []
    assert changed(project, before) == {8: "UPDATE", 20: "INSERT", 99: "UPDATE", 21: "DELETE"}
    log = project.log("jobs")[-1]
    assert [log[f"rows_{name}"] for name in ("inserted", "updated", "deleted", "restored", "unchanged")] == [
        *(1, 1, 1, 1),
        6,
    ]

    allowed = target(*messages, **LIMITS, allow_mass_delete_streams=["jobs"])
    assert allowed.code == 0, allowed.log
    assert allowed.states == [at(1)["value"]]
    assert project.log("jobs")[-1]["deletes_allowed"]
    assert {key for key, what in project.operations("jobs").items() if what == "DELETE"} == {*range(6), 21}


def test_deletion_records_alone_leave_the_table_as_it_is(
    before: dict[int, dict[str, Any]], target: TargetRunner, project: Project
) -> None:
    # What another stream may do is no leave for this one.
    result = target(JOBS, *map(gone, range(6)), at(1), **LIMITS, allow_mass_delete_streams=["crews"])

    assert_refused(result, project, "6 of 10")
    assert changed(project, before) == {}


@pytest.mark.parametrize("count", [3, 5])
def test_as_many_as_the_limits_allow_are_marked(
    count: int, before: dict[int, dict[str, Any]], target: TargetRunner, project: Project
) -> None:
    result = target(JOBS, *map(gone, range(count)), at(1), **{**LIMITS, "max_delete_rows": 3})

    assert result.code == 0, result.log
    assert changed(project, before) == dict.fromkeys(range(count), "DELETE")


def test_marks_by_absence_and_by_records_count_together(
    before: dict[int, dict[str, Any]], target: TargetRunner, project: Project
) -> None:
    pages = [*(gone(number, 2) for number in range(3)), *(job(number, 2) for number in range(3, 7)), job(30, 2)]

    result = target(JOBS, *pages, activate("jobs", 2), at(1), **LIMITS)

    assert_refused(result, project, "6 of 10", "by 3")
    assert result.states == []
    assert changed(project, before) == {30: "INSERT"}


def of_pages(pages: Iterable[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [message for number, page in enumerate(pages) for message in (*page, at(number))]


def test_the_marks_of_early_merges_count_and_after_a_refusal_the_rest_still_lands(
    before: dict[int, dict[str, Any]], target: TargetRunner, project: Project
) -> None:
    pages = [[gone(0), gone(1), gone(2)], [gone(3), gone(4), gone(5)], [job(8, name="new"), gone(6), job(20)]]

    # As records of one kind follow one another, the merges are at the ends of the pages.
    result = target(JOBS, *of_pages(pages), **LIMITS, merge_interval_rows=3)

    assert_refused(result, project, "6 of 10", "No other row was marked")
    assert changed(project, before) == {0: "DELETE", 1: "DELETE", 2: "DELETE", 8: "UPDATE", 20: "INSERT"}
    # The first page is merged with the STATE before it known, and no STATE comes out once marks are withheld.
    assert at(1)["value"] not in result.states
    assert at(2)["value"] not in result.states


def test_a_first_load_may_delete_what_it_has_brought(target: TargetRunner, project: Project) -> None:
    pages = [list(map(job, range(8))), list(map(gone, range(6)))]

    result = target(JOBS, *of_pages(pages), **LIMITS, merge_interval_rows=6)

    assert result.code == 0, result.log
    assert list(project.operations("jobs").values()).count("DELETE") == 6


def test_the_live_rows_of_all_partitions_count(target: TargetRunner, project: Project) -> None:
    options: dict[str, Any] = {**LIMITS, "partition_by": {"jobs": "id:0:100:10"}}
    target(JOBS, *map(job, range(40)), **options)

    # All that is live in the first partition, but few of the rows.
    result = target(JOBS, *map(gone, range(10)), **options)

    assert result.code == 0, result.log
    assert list(project.operations("jobs").values()).count("DELETE") == 10


# ------------------------------------------------------------------------------------------------- run after run


def halves(target: TargetRunner, live: int, version: int, **settings: Any) -> Result:  # noqa: ANN401
    """Send a complete snapshot of so many rows."""
    return target(JOBS, *(job(number, version) for number in range(live)), activate("jobs", version), **settings)


def live(project: Project) -> int:
    return sum(what != "DELETE" for what in project.operations("jobs").values())


def test_small_tables_are_guarded_too(target: TargetRunner, project: Project) -> None:
    halves(target, 30, 1)

    refused = halves(target, 14, 2)

    assert refused.code == 1
    assert "would mark 16 of 30 live rows deleted, more than `max_delete_rows` (10)" in refused.errors[0]
    assert halves(target, 15, 3).code == 0
    again = halves(target, 5, 4)  # 10 rows, as many as a run by itself may always mark
    assert "10 of 15 live rows deleted, and 15 were marked in the last 14 days" in again.errors[0]
    assert live(project) == 15


def test_a_table_that_halves_run_after_run_is_refused_the_second_time(target: TargetRunner, project: Project) -> None:
    halves(target, 400, 1)
    dry = halves(target, 200, 2, dry_run=True)
    assert halves(target, 200, 3).code == 0

    for version in (4, 5):
        refused = halves(target, 100, version)
        assert_refused(refused, project, "100 of 200 live rows", "200 were marked in the last 14 days", "300 of 400")
        assert live(project) == 200
    assert dry.code == 0

    allowed = halves(target, 100, 6, allow_mass_delete=True)
    assert (allowed.code, live(project)) == (0, 100)
    # What was allowed does not count any more: the next run may mark as much as a first one.
    assert halves(target, 100, 7).code == 0
    assert halves(target, 60, 8).code == 0
    assert_refused(halves(target, 30, 9), project, "30 of 60 live rows", "40 were marked")
    assert halves(target, 30, 10, max_delete_days=0).code == 0
    assert [row["rows_marked"] for row in project.log("jobs") if row["status"] == "success"] == [0, 200, 100, 0, 40, 30]


def test_a_dry_run_that_was_allowed_allows_nothing(target: TargetRunner, project: Project) -> None:
    halves(target, 400, 1)
    halves(target, 200, 2)

    assert halves(target, 100, 3, allow_mass_delete=True, dry_run=True).code == 0

    assert_refused(halves(target, 100, 4), project, "300 of 400")


def test_marks_by_records_count_with_those_of_earlier_runs(target: TargetRunner, project: Project) -> None:
    halves(target, 100, 1)
    assert target(JOBS, *map(gone, range(40))).code == 0

    result = target(JOBS, *map(gone, range(40, 65)))

    assert_refused(result, project, "25 of 60 live rows", "40 were marked", "65 of 100")


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["DROP TABLE {log}"], "does not exist"),
        (["ALTER TABLE {log} DROP COLUMN rows_deleted"], "has no column `rows_deleted`"),
        # As an earlier version has left it.
        (
            ["ALTER TABLE {log} DROP COLUMN rows_marked", "ALTER TABLE {log} DROP COLUMN deletes_allowed"],
            "200 were marked",
        ),
    ],
    ids=["gone", "another", "older"],
)
def test_a_log_that_does_not_say_it_is_no_reason_to_mark(
    statements: list[str], said: str, target: TargetRunner, project: Project
) -> None:
    halves(target, 400, 1)
    halves(target, 200, 2)
    for statement in statements:
        project.query(statement.format(log=f"`{project.name}.management.etl_logs`"))

    refused = halves(target, 100, 3)

    assert refused.code == 1
    assert said in refused.errors[0]
    assert live(project) == 200


def test_a_log_that_cannot_be_read_is_no_reason_to_mark(target: TargetRunner, project: Project) -> None:
    halves(target, 400, 1)
    halves(target, 200, 2)

    with Proxy(project.api_endpoint) as proxy:
        proxy.trap(Trap(b"AS last_allowed", "fail", times=1000, status=403, reason="accessDenied"))
        refused = halves(target, 100, 3, api_endpoint=proxy.url)

    assert refused.code == 1
    assert "how many were marked in the last 14 days is not known: BigQuery: " in refused.errors[0]
    assert live(project) == 200


def test_a_run_that_marks_few_rows_asks_nothing_more(target: TargetRunner, project: Project) -> None:
    halves(target, 100, 1)

    with Proxy(project.api_endpoint) as proxy:
        asked = proxy.trap(Trap(b"AS last_allowed", "fail", times=1000))
        assert halves(target, 75, 2, api_endpoint=proxy.url).code == 0

    assert (asked.seen, live(project)) == (0, 75)


def test_a_table_of_few_rows_that_halves_run_after_run_is_refused_the_second_time(
    target: TargetRunner, project: Project
) -> None:
    halves(target, 20, 1)
    assert halves(target, 10, 2).code == 0
    refused = halves(target, 5, 3)
    assert refused.code == 1
    assert "5 of 10 live rows deleted, and 10 were marked in the last 14 days" in refused.errors[0]
    assert live(project) == 10


def test_a_replaced_table_is_guarded_too(target: TargetRunner, project: Project) -> None:
    keyless = schema("jobs", {"id": INTEGER, "name": STRING}, key=())

    def replace(count: int, version: int, **settings: Any) -> Result:  # noqa: ANN401 - any setting
        records = [job(number, version) for number in range(count)]
        return target(keyless, *records, activate("jobs", version), keyless_streams="replace", **settings)

    assert replace(30, 1).code == 0
    refused = replace(1, 2)
    assert_refused(refused, project, "29 of 30 live rows")
    assert len(project.rows("jobs")) == 30
    assert replace(1, 3, allow_mass_delete=True).code == 0
    assert len(project.rows("jobs")) == 1
    empty = replace(0, 4)
    assert empty.code == 1
    assert "the snapshot is empty, but the table has 1 live row." in empty.errors[0]
    assert len(project.rows("jobs")) == 1
    assert replace(0, 5, allow_mass_delete=True).code == 0
    assert project.rows("jobs") == {}
    assert replace(0, 6).code == 0  # there is nothing left to guard
    assert replace(2, 7).code == 0
    assert len(project.rows("jobs")) == 2
