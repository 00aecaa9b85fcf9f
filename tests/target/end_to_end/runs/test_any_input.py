"""Whatever one stream brings, the process lives on and the other streams land."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from support.singer import DECIMAL, INTEGER, STRING, record, schema, state

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

JOBS = schema("jobs", {"id": INTEGER, "name": STRING, "price": DECIMAL})
CREWS = [schema("crews", {"id": INTEGER}), record("crews", {"id": 1})]
STATE = state({"bookmarks": {"jobs": 1, "crews": 1}})


def raw_record(text: str) -> bytes:
    """Return a RECORD message of the stream `jobs`."""
    return b'{"type":"RECORD","stream":"jobs","record":%b}' % text.encode()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("null", "jobs: `record` must be an object, but is null."),
        ('[{"id":2}]', "jobs: `record` must be an object, but is an array."),
        (r'{"id":2,"price":"\u0031e-999999999"}', "jobs: record id=2: `price` must be a number, but is a string of 12"),
    ],
    ids=["null", "array", "escaped-exponent"],
)
@pytest.mark.parametrize("batch", [False, True], ids=["record", "batch"])
def test_what_native_code_cannot_read_ends_its_stream_and_not_the_process(
    text: str,
    reason: str,
    batch: bool,  # noqa: FBT001 - a parameter of the test
    target: TargetRunner,
    project: Project,
) -> None:
    messages: list[dict[str, Any] | bytes] = [raw_record(text), record("jobs", {"id": 1})]
    if batch:
        file = target.folder / "jobs.jsonl"
        file.write_text(text + "\n" + json.dumps({"id": 1}) + "\n")
        messages = [{"type": "BATCH", "stream": "jobs", "encoding": {"format": "jsonl"}, "manifest": [file.as_uri()]}]

    result = target.command([JOBS, *messages, *CREWS, STATE])

    assert result.code == 1, result.log
    (error,) = result.errors
    assert error.startswith(reason)
    assert result.states == [{"bookmarks": {"crews": 1}}]
    assert project.tables("bronze") == ["crews"]

    kept = target.command([JOBS, *messages, *CREWS, STATE], on_invalid_record="quarantine")
    assert (kept.code, kept.states) == (0, [STATE["value"]]), kept.log
    assert project.operations("jobs") == {1: "INSERT"}
    assert project.log("jobs")[-1]["rows_rejected"] == 1


def test_a_property_may_be_called_like_an_element_of_an_array(target: TargetRunner, project: Project) -> None:
    prices = schema("prices", {"id": INTEGER, "price[0]": DECIMAL})
    fine = b'{"type":"RECORD","stream":"prices","record":{"id":2,"price[0]":0.12345678901234567}}'

    result = target(prices, record("prices", {"id": 1, "price[0]": 1}), fine, STATE)

    assert result.code == 0, result.log
    assert {key: str(row["price_0_"]) for key, row in project.rows("prices").items()} == {
        1: "1",
        2: "0.12345678901234567",
    }
