"""An answer that is lost, or a page of a gateway instead of it: nothing is written twice, and the counts are right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest

from support.proxy import Answer, Proxy
from support.singer import INTEGER, STRING, activate, record, schema, state
from support.target.harness import HastyTarget
from support.target.ways import INLINE, STAGED

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.proxy import Request
    from support.target.harness import TargetRunner

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("alone")]

STREAMS = ("jobs", "crews", "trucks")
PAGE = Answer(502, [("Content-Type", "text/html")], b"<!DOCTYPE html><title>Error 502 (Server Error)!!1</title>")
COUNTS = ("inserted", "updated", "deleted", "unchanged")


def snapshots(version: int, names: dict[int, str]) -> list[dict[str, Any]]:
    """Return complete snapshots of all streams, with the same rows: names by `id`."""
    messages: list[dict[str, Any]] = []
    for stream in STREAMS:
        records = [record(stream, {"id": key, "name": name}, version) for key, name in names.items()]
        messages += [schema(stream, {"id": INTEGER, "name": STRING}), *records, activate(stream, version)]
    return [*messages, state({"bookmarks": dict.fromkeys(STREAMS, version)})]


FIRST = {1: "one", 2: "two", 3: "three"}
SECOND = {1: "one", 2: "changed", 4: "four", 5: "five"}


class Spoiler:
    """A gate that spoils the first answers to requests with a text in their path or body."""

    def __init__(self, text: bytes, how: Literal["before", "after", "page after"], *, times: int = 1) -> None:
        self._text = text
        self._how = how
        self._left = times
        self.spoiled = 0
        """How many answers it has spoiled."""

    def __call__(self, request: Request, forward: Callable[[bytes], Answer]) -> Answer | None:
        """Spoil the answer, or pass it on."""
        if self._text not in request.path.encode() + request.body or not self._left:
            return forward(request.body)
        self._left -= 1
        self.spoiled += 1
        if self._how != "before":
            forward(request.body)
        return PAGE if self._how == "page after" else None


MOMENTS = [
    pytest.param(b"SELECT `run_id`", 1, INLINE, id="what is known"),
    pytest.param(b"COUNTIF(", 2, INLINE, id="fused comparison"),
    pytest.param(b"COUNTIF(", 2, STAGED, id="fused comparison of staged rows"),
    pytest.param(b"the new table has a row already", 1, INLINE, id="fill"),
    pytest.param(b"the new table has a row already", 1, STAGED, id="fill from a staging table"),
    pytest.param(b"-fill-jobs-1-1?", 1, INLINE, id="end of fill"),
    pytest.param(b"MERGE `", 2, INLINE, id="merge"),
    pytest.param(b"MERGE `", 2, STAGED, id="merge of staged rows"),
    pytest.param(b"-merge-jobs-1-1?", 2, INLINE, id="end of merge"),
    pytest.param(b"-etl_logs-1", 1, INLINE, id="log"),
    pytest.param(b"-etl_logs-1", 2, INLINE, id="log of changes"),
    pytest.param(b"-etl_logs-1?", 2, INLINE, id="end of log"),
]


@pytest.mark.parametrize(
    "how",
    ["after", pytest.param("before", marks=pytest.mark.long), pytest.param("page after", marks=pytest.mark.long)],
)
@pytest.mark.parametrize(("text", "run", "way"), MOMENTS)
def test_what_an_answer_was_lost_of_is_done_once(  # noqa: PLR0913, PLR0917 - when, how, and what is looked at
    text: bytes,
    run: int,
    way: dict[str, Any],
    how: Literal["before", "after", "page after"],
    target: TargetRunner,
    project: Project,
) -> None:
    target.plugin = HastyTarget
    if run == 2:
        assert target(*snapshots(1, FIRST), **way).code == 0
    names = FIRST if run == 1 else SECOND

    with Proxy(project.api_endpoint) as proxy:
        spoiler = proxy.gate = Spoiler(text, how)
        result = target(*snapshots(run, names), api_endpoint=proxy.url, **way)

    assert spoiler.spoiled == 1
    assert (result.code, result.states) == (0, [{"bookmarks": dict.fromkeys(STREAMS, run)}]), result.log
    for stream in STREAMS:
        rows = project.query(f"SELECT id, name, _etl_operation FROM `{project.bronze}.{stream}` ORDER BY id")
        live = [(row["id"], row["name"]) for row in rows if row["_etl_operation"] != "DELETE"]
        assert live == sorted(names.items())
        assert len(rows) == len({row["id"] for row in rows})
        log = project.log(stream)
        assert len(log) == run
        assert [log[-1][f"rows_{name}"] for name in COUNTS] == ([3, 0, 0, 0] if run == 1 else [2, 1, 1, 1])
    # And what the log remembers is true: the same again costs nothing.
    before = [project.rows(stream) for stream in STREAMS]
    assert target(*snapshots(run + 1, names), **way).code == 0
    assert [project.rows(stream) for stream in STREAMS] == before
    assert {project.log(stream)[-1]["rows_unchanged"] for stream in STREAMS} == {len(names)}


@pytest.mark.parametrize("way", [INLINE, STAGED], ids=["inline", "staged"])
def test_every_second_answer_is_lost(way: dict[str, Any], target: TargetRunner, project: Project) -> None:
    target.plugin = HastyTarget
    seen: list[str] = []

    def gate(request: Request, forward: Callable[[bytes], Answer]) -> Answer | None:
        seen.append(request.path)
        answer = forward(request.body)
        return None if len(seen) % 2 else answer

    with Proxy(project.api_endpoint) as proxy:
        proxy.gate = gate
        results = [
            target(*snapshots(version, names), api_endpoint=proxy.url, **way)
            for version, names in ((1, FIRST), (2, SECOND), (3, SECOND))
        ]

    assert [result.code for result in results] == [0, 0, 0], results[-1].log
    for stream in STREAMS:
        assert {key: row["name"] for key, row in project.rows(stream).items()} == {**FIRST, **SECOND}
        counted = [[row[f"rows_{name}"] for name in COUNTS] for row in project.log(stream)]
        assert counted == [[3, 0, 0, 0], [2, 1, 1, 1], [0, 0, 0, 4]]
