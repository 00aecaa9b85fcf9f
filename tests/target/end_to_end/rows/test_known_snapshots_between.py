"""What comes between two equal snapshots makes the second one unknown: other runs, dead ones, and other people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest

from servicetitan_sandbox.client.bigquery_control import set_conditions
from support.proxy import Proxy, Trap
from support.singer import record, state
from support.target.watched_table import EVERYTHING, JOBS, SAME, WatchedTable, known_table, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.proxy import Answer, Request
    from support.target.harness import TargetRunner

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("alone")]

CHANGED = {1: "one", 2: "changed", 4: "four"}


@pytest.fixture
def table(target: TargetRunner, project: Project) -> WatchedTable:
    """A table that is known to equal a snapshot."""
    return known_table(target, project)


def test_an_earlier_snapshot_that_comes_again_is_written_again(table: WatchedTable) -> None:
    for names in (CHANGED, SAME, CHANGED):
        table.assert_unknown_once(names)

    assert table.project.operations("jobs") == {1: "INSERT", 2: "UPDATE", 3: "DELETE", 4: "UPDATE"}


def test_changes_between_two_snapshots_make_it_unknown(table: WatchedTable) -> None:
    result, _ = table.run([JOBS, record("jobs", {"id": 2, "name": "changed"}), state({"bookmarks": {"jobs": 1}})])
    assert result.code == 0
    assert table.live == {**SAME, 2: "changed"}

    table.assert_unknown_once(SAME)


def test_changes_that_come_before_the_snapshot_in_one_run_do_not_stay(table: WatchedTable) -> None:
    changes = [record("jobs", {"id": 2, "name": "changed"}), record("jobs", {"id": 8, "name": "new"})]

    result, _ = table.run([JOBS, *changes, *snapshot(SAME)[1:]])

    assert result.code == 0, result.log
    assert table.live == SAME
    assert table.project.operations("jobs")[8] == "DELETE"
    table.assert_known(SAME)


def test_a_snapshot_without_its_end_makes_it_unknown(table: WatchedTable) -> None:
    result, has_touched = table.run(snapshot({1: "changed"}, version=2)[:2])

    assert (result.code, has_touched) == (0, True)
    assert table.live == {**SAME, 1: "changed"}
    table.assert_unknown_once(SAME)


def test_a_dry_run_in_between_changes_nothing(table: WatchedTable) -> None:
    result, _ = table.run(snapshot(CHANGED), dry_run=True)

    assert result.code == 0, result.log
    table.assert_known(SAME)
    result, _ = table.run(snapshot(SAME), dry_run=True)
    assert result.code == 0, result.log
    table.assert_known(SAME)


@pytest.mark.parametrize("reason", ["record", "merge", "log"])
def test_a_run_that_failed_in_between_makes_it_unknown_if_it_has_written(
    reason: str, table: WatchedTable, project: Project
) -> None:
    messages = snapshot(CHANGED)
    if reason == "record":
        messages.insert(2, record("jobs", {"id": "none"}, 1))
    fault = {"text": {"merge": "-merge-jobs", "log": "-etl_logs-"}.get(reason, "nothing"), "reason": "accessDenied"}
    set_conditions(project.api_endpoint, project.name, failing_jobs=[fault])

    result, _ = table.run(messages)

    set_conditions(project.api_endpoint, project.name, failing_jobs=[])
    assert result.code == 1
    assert table.live == (CHANGED if reason == "log" else SAME)
    assert table.read(SAME)
    assert table.live == SAME
    table.assert_known(SAME)


def test_a_snapshot_that_the_guard_refuses_is_refused_again(target: TargetRunner, project: Project) -> None:
    table = WatchedTable(target, project, {"max_delete_rows": 1, "max_delete_fraction": 0.1})
    table.read(SAME)
    few = {1: "one", 4: "four"}

    for _ in range(3):
        result, has_touched = table.run(snapshot(few))
        assert (result.code, has_touched) == (1, True)
        assert "would mark 2 of" in result.errors[0]
        assert table.live == {**SAME, **few}
        assert project.log("jobs")[-1]["fingerprint"] is None

    table.assert_unknown_once(SAME)


def test_a_snapshot_with_rejected_records_is_compared_each_time(target: TargetRunner, project: Project) -> None:
    table = WatchedTable(target, project, {"on_invalid_record": "quarantine"})
    table.read({**SAME, 4: "four"})
    bad = record("jobs", {"id": 4, "name": []}, 1)
    messages = [JOBS, bad, *snapshot(SAME)[1:]]

    for _ in range(3):
        result, has_touched = table.run(messages)
        assert (result.code, has_touched) == (0, True), result.log
        assert table.live == {**SAME, 4: "four"}, "a row whose record does not fit is not missing"
        row = project.log("jobs")[-1]
        assert (row["rows_rejected"], row["fingerprint"]) == (1, None)

    table.assert_unknown_once(SAME)
    assert project.operations("jobs")[4] == "DELETE"


@pytest.mark.parametrize(
    ("text", "moment", "landed"),
    [
        (b"SELECT `run_id`", "hold before", False),
        (b"COUNTIF(", "hold before", False),
        (b"MERGE `", "hold before", False),
        (b"MERGE `", "hold after", True),
        (b"-etl_logs-", "hold before", True),
        (b"-etl_logs-", "hold after", True),
    ],
)
def test_a_run_that_is_killed_in_between_makes_it_unknown(  # noqa: PLR0913, PLR0917
    text: bytes,
    moment: Literal["hold before", "hold after"],
    landed: bool,  # noqa: FBT001 - a parameter of the test
    table: WatchedTable,
    target: TargetRunner,
    project: Project,
) -> None:
    with Proxy(project.api_endpoint) as proxy:
        target.kill_at(Trap(text, moment), proxy, snapshot(CHANGED))
    assert table.live == (CHANGED if landed else SAME)

    assert table.read(SAME) is landed
    assert table.live == SAME
    table.assert_known(SAME)


def when(project: Project, is_it: Callable[[Request], bool], statement: str) -> Callable[..., Answer]:
    """Return a gate that runs a statement once, when a request is answered and before the target has the answer."""
    done: list[Request] = []

    def gate(request: Request, forward: Callable[[bytes], Answer]) -> Answer:
        answer = forward(request.body)
        if is_it(request) and not done:
            done.append(request)
            project.query(statement)
        return answer

    return gate


@pytest.mark.parametrize(
    "settings",
    [pytest.param({}, id="plain"), pytest.param(EVERYTHING, id="everything", marks=pytest.mark.long)],
)
@pytest.mark.parametrize(
    ("names", "moment"),
    [
        (SAME, b"SELECT `run_id`"),
        (CHANGED, b"SELECT `run_id`"),
        (CHANGED, b"COUNTIF("),
        (CHANGED, b"/queries/*-merge-jobs"),
        (CHANGED, b"/jobs/*-merge-jobs"),
        (CHANGED, b"/queries/*-fill-jobs"),
    ],
)
def test_what_somebody_changes_while_a_run_goes_on_is_put_right_by_the_next_one(
    names: dict[int, str], moment: bytes, settings: dict[str, Any], target: TargetRunner, project: Project
) -> None:
    table = WatchedTable(target, project, settings)
    if b"fill" not in moment:
        table.read(SAME)
        table.assert_known(SAME)
    first, _, second = moment.partition(b"*")

    def is_it(request: Request) -> bool:
        text = request.path.encode() + request.body
        return first in text and second in text

    change = f"UPDATE `{project.bronze}.jobs` SET name = 'by hand' WHERE id = 1"
    with Proxy(project.api_endpoint) as proxy:
        proxy.gate = when(project, is_it, change)
        result = target(*snapshot(names), api_endpoint=proxy.url, **settings)
    assert result.code == 0, result.log

    table.read(names)
    assert table.live == names
    table.assert_known(names)
