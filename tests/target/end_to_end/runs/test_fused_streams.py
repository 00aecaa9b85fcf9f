"""Streams that ask together: one whose table is gone, or whose question fails, harms no other and is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from servicetitan_sandbox.client.bigquery_control import set_conditions
from support.proxy import Proxy
from support.singer import INTEGER, STRING, activate, record, schema, state
from target_bigquery_softdelete.bigquery import fused_queries

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.proxy import Answer, Request
    from support.target.harness import Result, TargetRunner

COUNT = 6
STREAMS = [f"stream_{number}" for number in range(COUNT)]
BAD = "stream_3"
OTHERS = [name for name in STREAMS if name != BAD]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let streams wait for each other however slow the machine is."""
    monkeypatch.setattr(fused_queries, "LONGEST_WAIT_SECONDS", 60.0)


def snapshots(version: int, name: str) -> list[dict[str, Any]]:
    """Return complete snapshots of all streams, whose rows have a name. Each has a bookmark of its own."""
    messages: list[dict[str, Any]] = []
    for stream in STREAMS:
        rows = [record(stream, {"id": key, "name": name}, version) for key in range(3)]
        messages += [schema(stream, {"id": INTEGER, "name": STRING}), *rows, activate(stream, version)]
    return [*messages, state({"bookmarks": dict.fromkeys(STREAMS, version)})]


def asks(request: Request, *streams: str) -> bool:
    """Return whether a request asks how the rows of these streams, and maybe of others, differ."""
    return b"COUNTIF(" in request.body and all(f".{name}` AS _etl_t".encode() in request.body for name in streams)


def run_with(
    target: TargetRunner, project: Project, meanwhile: Callable[[Request], object]
) -> tuple[Result, list[Request]]:
    """Let all rows change, and call a function before each question. Return the result, and the questions."""
    asked: list[Request] = []

    def gate(request: Request, forward: Callable[[bytes], Answer]) -> Answer | None:
        if b"COUNTIF(" in request.body:
            asked.append(request)
            meanwhile(request)
        return forward(request.body)

    with Proxy(project.api_endpoint) as proxy:
        proxy.gate = gate
        result = target(*snapshots(2, "new"), api_endpoint=proxy.url)
    return result, asked


def assert_only_one_failed(result: Result, project: Project, *said: str) -> None:
    """Check that one stream has failed with an error that says this, and that all others are done."""
    assert result.code == 1
    assert len(result.errors) == 1, result.log
    for part in (BAD, *said):
        assert part in result.errors[0]
    assert not any(name in result.errors[0] for name in OTHERS)
    assert result.states == [{"bookmarks": dict.fromkeys(OTHERS, 2)}]
    for name in OTHERS:
        assert {row["name"] for row in project.rows(name).values()} == {"new"}
        row = project.log(name)[-1]
        assert (row["status"], row["error"], row["rows_updated"]) == ("success", None, 3)
    failed = project.log(BAD)[-1]
    assert (failed["status"], failed["error"]) == ("failed", result.errors[0])


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DROP TABLE `{}`", "Not found: "),
        ("ALTER TABLE `{}` DROP COLUMN name", "name"),
    ],
    ids=["dropped", "without a column"],
)
def test_a_table_that_somebody_spoils_at_that_moment_harms_no_other(
    statement: str, said: str, target: TargetRunner, project: Project
) -> None:
    assert target(*snapshots(1, "old")).code == 0
    done: list[Request] = []

    def spoil(request: Request) -> None:
        if not done:
            done.append(request)
            project.query(statement.format(f"{project.bronze}.{BAD}"))

    result, asked = run_with(target, project, spoil)

    assert asks(asked[0], *STREAMS), "they did not ask together"
    assert_only_one_failed(result, project, said)
    assert len(asked) == 1 + COUNT  # each once more for itself
    assert target(*snapshots(3, "new")).code == 0
    assert {row["name"] for row in project.rows(BAD).values()} == {"new"}


def test_a_question_that_is_refused_harms_no_other(target: TargetRunner, project: Project) -> None:
    assert target(*snapshots(1, "old")).code == 0
    fault = {"text": f".{BAD}` AS _etl_t", "reason": "accessDenied", "times": 1000}
    set_conditions(project.api_endpoint, project.name, failing_jobs=[fault])

    result, asked = run_with(target, project, lambda _: None)

    set_conditions(project.api_endpoint, project.name, failing_jobs=[])
    assert asks(asked[0], *STREAMS)
    assert_only_one_failed(result, project, "Access Denied")
    assert {row["name"] for row in project.rows(BAD).values()} == {"old"}
    assert target(*snapshots(3, "new")).code == 0
    assert {row["name"] for row in project.rows(BAD).values()} == {"new"}


def test_a_question_that_fails_for_a_while_is_asked_again_together(target: TargetRunner, project: Project) -> None:
    assert target(*snapshots(1, "old")).code == 0
    fault = {"text": "UNION ALL", "reason": "backendError", "times": 2}
    set_conditions(project.api_endpoint, project.name, failing_jobs=[fault])

    result, asked = run_with(target, project, lambda _: None)

    assert (result.code, result.errors) == (0, []), result.log
    assert [asks(each, *STREAMS) for each in asked] == [True] * 3
    assert {row["name"] for name in STREAMS for row in project.rows(name).values()} == {"new"}
    assert [project.log(name)[-1]["bytes_billed"] for name in STREAMS] == [20 << 20] * COUNT


def test_a_stream_that_fails_before_it_asks_is_not_waited_for(target: TargetRunner, project: Project) -> None:
    assert target(*snapshots(1, "old")).code == 0
    messages = snapshots(2, "new")
    messages.insert(-1, record(BAD, {"id": "none"}, 2))

    with Proxy(project.api_endpoint) as proxy:
        result = target(*messages, api_endpoint=proxy.url)

    assert_only_one_failed(result, project, "`id` must be an integer")
    asked = [request for request in proxy.requests if b"COUNTIF(" in request.body]
    assert [asks(each, *OTHERS) for each in asked] == [True]
