"""Whatever one stream brings, the process lives on and the other streams land."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from support.singer import DECIMAL, INTEGER, STRING, activate, record, schema, state

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
@pytest.mark.parametrize("batch", [False, pytest.param(True, marks=pytest.mark.long)], ids=["record", "batch"])
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


OTHER = schema("others", {"id": INTEGER})
OTHERS = [OTHER, record("others", {"id": 2})]


@pytest.mark.parametrize(
    ("messages", "settings", "reason"),
    [
        pytest.param(
            [schema("jobs", {"id": INTEGER, "+1": INTEGER, "-1": INTEGER})],
            {},
            "jobs: the properties `+1` and `-1` both become the column `_1`.",
            id="colliding-columns",
        ),
        pytest.param(
            [schema("jobs", {"id": INTEGER}, key=["other"])],
            {},
            "jobs: the key property `other` is not in the schema.",
            id="key-not-there",
        ),
        pytest.param(
            [schema("jobs", {"id": {"type": "array", "items": INTEGER}})],
            {},
            "jobs: the key property `id` is ARRAY<INT64>. A key must be a scalar.",
            id="key-no-scalar",
        ),
        pytest.param(
            [{**JOBS, "key_properties": "id"}],
            {},
            'jobs: `key_properties` must be an array of names, such as `["id"]`.',
            id="key-as-text",
        ),
        pytest.param(
            [schema("jobs", {"id": INTEGER, "x": {"$ref": "#/definitions/x"}})],
            {},
            "jobs: the schema refers to `#/definitions/x`, which it does not contain.",
            id="reference-to-nowhere",
        ),
        pytest.param(
            [{**JOBS, "schema": {"id": INTEGER}}],
            {},
            "jobs: the schema has no `properties` object, so the table has no columns.",
            id="no-properties",
        ),
        pytest.param(
            [{**JOBS, "schema": [1]}],
            {},
            "jobs: the schema has no `properties` object, so the table has no columns.",
            id="no-object",
        ),
        pytest.param(
            [schema("jobs", {"id": INTEGER, "x": {"type": "array", "items": {"anyOf": 5}}})],
            {},
            "jobs: in the property `x`, `anyOf` must be an array.",
            id="not-json-schema",
        ),
        pytest.param([], {}, "jobs: its records came before its SCHEMA message.", id="no-schema"),
        pytest.param(
            [JOBS],
            {"stream_maps": {"jobs": {"name": "int(name"}}},
            "jobs: its `stream_maps` cannot be used: Failed to parse expression int(name.",
            id="broken-map",
        ),
        pytest.param(
            [schema("jobs", {"id": INTEGER}, key=[])],
            {"history": ["jobs"]},
            "jobs: setting `history`: the stream `jobs` has no key that tells its rows apart.",
            id="setting-that-does-not-fit",
        ),
    ],
)
def test_a_schema_that_cannot_be_used_ends_its_stream_only(
    messages: list[dict[str, Any]], settings: dict[str, Any], reason: str, target: TargetRunner, project: Project
) -> None:
    bad = [*messages, record("jobs", {"id": 1}), record("jobs", {"id": 2}, 7), activate("jobs", 7)]
    at_end = state({"bookmarks": {"jobs": 2, "crews": 2, "others": 2}})

    result = target(STATE, *CREWS, b"", *bad, *OTHERS, at_end, **settings)

    assert result.code == 1, result.log
    (error,) = result.errors
    assert error.startswith(reason)
    assert error.endswith(" See line 5 of the input.")
    assert "Traceback" not in result.log
    assert result.states[-1] == {"bookmarks": {"jobs": 1, "crews": 2, "others": 2}}
    assert project.tables("bronze") == ["crews", "others"]
    assert project.rows("others").keys() == {2}
    (log,) = project.log("jobs")
    assert (log["status"], log["error"], log["rows_read"]) == ("failed", error, 2)
    assert [project.log(name)[-1]["status"] for name in ("crews", "others")] == ["success", "success"]


@pytest.mark.parametrize("names", [("job-logs", "job.logs"), ("users", "Users")])
def test_of_two_streams_with_one_table_the_first_lands(
    names: tuple[str, str], target: TargetRunner, project: Project
) -> None:
    first, second = ([schema(name, {"id": INTEGER}), record(name, {"id": i})] for i, name in enumerate(names))

    result = target(*first, *second, state({"bookmarks": {name: {"id": 9} for name in names}}))

    assert result.code == 1
    (error,) = result.errors
    assert error.startswith(f"{names[1]}: it needs the name `")
    assert f"so does the stream `{names[0]}`" in error
    assert error.endswith("See line 3 of the input.")
    assert [project.rows(table).keys() for table in project.tables("bronze")] == [{0}]
    assert result.states == [{"bookmarks": {names[0]: {"id": 9}}}]


def test_a_later_schema_that_cannot_be_used_ends_its_stream(target: TargetRunner, project: Project) -> None:
    bad = schema("jobs", {"id": INTEGER, "+1": INTEGER, "-1": INTEGER})

    result = target(JOBS, record("jobs", {"id": 1}), bad, JOBS, record("jobs", {"id": 2}), *CREWS, STATE)

    assert result.code == 1
    (error,) = result.errors
    assert error.startswith("jobs: the properties `+1` and `-1`")
    assert error.endswith("See line 3 of the input.")
    assert result.states == [{"bookmarks": {"crews": 1}}]
    assert project.tables("bronze") == ["crews"]


def test_one_of_two_tables_of_a_stream_may_be_impossible(target: TargetRunner, project: Project) -> None:
    both = {"jobs": {}, "copy": {"__source__": "jobs", "+1": "id", "-1": "id"}}

    result = target(JOBS, record("jobs", {"id": 1}), *CREWS, STATE, stream_maps=both)

    assert result.code == 1
    (error,) = result.errors
    assert error.startswith("copy: the properties `+1` and `-1`")
    assert project.tables("bronze") == ["crews", "jobs"]
    assert result.states == [{"bookmarks": {"crews": 1}}]  # the stream is not written as long as one of them is not
    assert [project.log(name)[-1]["status"] for name in ("copy", "jobs")] == ["failed", "success"]


@pytest.mark.parametrize("name", ["b" * 300, "b" * 1500, "客户/订单"])
def test_a_stream_may_have_any_name(name: str, target: TargetRunner, project: Project) -> None:
    result = target(schema(name, {"id": INTEGER}), record(name, {"id": 1}), state({"bookmarks": {name: 1}}))
    assert (result.code, result.states) == (0, [{"bookmarks": {name: 1}}]), result.log
    (table,) = project.tables("bronze")
    assert project.rows(table).keys() == {1}


def test_a_stream_that_is_mapped_to_nothing_has_no_empty_snapshot(target: TargetRunner, project: Project) -> None:
    jobs = [schema("jobs", {"id": INTEGER}), *(record("jobs", {"id": number}, 1) for number in range(3))]
    assert target(*jobs, activate("jobs", 1)).code == 0
    settings = {"stream_maps": {"jobs": None}, "keyless_streams": "replace", "allow_mass_delete": True}
    result = target(*jobs, activate("jobs", 2), state({"bookmarks": {}}), **settings)
    assert (result.code, result.errors, len(result.states)) == (0, [], 1)
    assert set(project.operations("jobs").values()) == {"INSERT"}


def test_two_snapshots_of_a_stream_without_a_key_are_not_added_up(target: TargetRunner, project: Project) -> None:
    keyless = schema("jobs", {"id": INTEGER}, key=())
    first = [keyless, *(record("jobs", {"id": number}, 1) for number in (1, 2)), activate("jobs", 1)]
    assert target(*first, keyless_streams="replace").code == 0
    again = [record("jobs", {"id": 3}, 2), activate("jobs", 2)]
    result = target(*first, *again, keyless_streams="replace")
    assert (result.code, result.states) == (1, [])
    assert "jobs: two snapshots in one run" in result.errors[0]
    assert sorted(row["id"] for row in project.query(f"SELECT id FROM `{project.bronze}.jobs`")) == [1, 2]
