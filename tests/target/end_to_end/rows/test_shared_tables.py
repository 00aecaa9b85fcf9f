"""Streams that go into one table: none marks the rows of another, and none takes the table of another by accident."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.proxy import Proxy
from support.singer import INTEGER, STRING, activate, record, schema
from target_bigquery_softdelete.load.table_memory import stream_labels

if TYPE_CHECKING:
    from collections.abc import Iterable

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

COLUMNS = {"id": INTEGER, "name": STRING}
BOTH = {"east": {"__alias__": "sites"}, "west": {"__alias__": "sites"}}


def part(stream: str, numbers: Iterable[int], version: int | None = None) -> list[dict[str, Any]]:
    return [schema(stream, COLUMNS), *(record(stream, {"id": n, "name": stream}, version) for n in numbers)]


def whole(stream: str, numbers: Iterable[int], version: int) -> list[dict[str, Any]]:
    return [*part(stream, numbers, version), activate(stream, version)]


def live(project: Project, table: str) -> set[int]:
    return {key for key, what in project.operations(table).items() if what != "DELETE"}


def labels(project: Project, table: str) -> dict[str, str]:
    found = project.client.get_table(f"{project.name}.bronze.{table}").labels
    return {name: value for name, value in found.items() if name.startswith("stream-")}


def forget_streams(project: Project, name: str) -> None:
    """Remove what a table says about its streams, as an earlier version left it."""
    table = project.client.get_table(f"{project.name}.bronze.{name}")
    table.labels = {**table.labels, **dict.fromkeys(labels(project, name))}
    project.client.update_table(table, ["labels"])


def test_a_shared_table_is_complete_when_each_of_its_streams_is(target: TargetRunner, project: Project) -> None:
    first = target(*whole("east", [1, 2, 3], 1), *whole("west", [11, 12, 13], 2), stream_maps=BOTH)
    assert first.code == 0, first.log
    assert labels(project, "sites") == stream_labels(["east", "west"])

    for messages in (
        whole("east", [1, 2], 3),  # the other does not come
        [*whole("east", [1, 2], 3), *part("west", [11, 12], 4)],  # it does not end
        [*whole("east", [1, 2], 3), *part("west", [11, 12])],  # it reads changes
        [*whole("east", [1, 2], 3), schema("west", COLUMNS)],  # it has nothing to say
        [*whole("east", [1, 2], 3), schema("west", COLUMNS), activate("west", 4)],  # it may be empty
        [*part("east", [1, 2], 4), *whole("west", [11, 12], 3), activate("west", 4)],  # the version of the other
    ):
        result = target(*messages, stream_maps=BOTH)
        assert result.code == 0, result.log
        assert live(project, "sites") == {1, 2, 3, 11, 12, 13}
        assert "sites: no row was marked deleted: the table also has the rows of `" in result.log

    result = target(*part("east", [1, 2], 5), *whole("west", [11, 12], 6), activate("east", 5), stream_maps=BOTH)
    assert result.code == 0, result.log
    assert live(project, "sites") == {1, 2, 11, 12}


def test_a_table_knows_a_stream_that_the_settings_no_longer_name(target: TargetRunner, project: Project) -> None:
    target(*whole("east", [1], 1), *whole("west", [11], 2), stream_maps=BOTH)

    result = target(*whole("east", [2], 3), stream_maps={"east": {"__alias__": "sites"}})

    assert result.code == 0, result.log
    assert live(project, "sites") == {1, 2, 11}
    assert "`west`" in result.log


def test_streams_with_other_columns_share_a_table(target: TargetRunner, project: Project) -> None:
    east = schema("east", {"id": INTEGER, "name": STRING, "tower": STRING})
    west = schema("west", {"id": INTEGER, "name": STRING, "moat": INTEGER})
    rows = [
        *(east, record("east", {"id": 1, "tower": "tall"}), west, record("west", {"id": 2, "moat": 7})),
        *(record("east", {"id": 3, "tower": "low"}), east, record("east", {"id": 4, "tower": "new"})),
    ]

    result = target(*rows, stream_maps=BOTH)

    assert result.code == 0, result.log
    found = {key: (row["tower"], row["moat"]) for key, row in project.rows("sites").items()}
    assert found == {1: ("tall", None), 2: (None, 7), 3: ("low", None), 4: ("new", None)}


@pytest.mark.parametrize("complete", [True, False])
def test_a_stream_that_finds_the_table_of_another_is_refused(
    complete: bool,  # noqa: FBT001 - a parameter of the test
    target: TargetRunner,
    project: Project,
) -> None:
    assert target(*whole("a-b", [1, 2], 1)).code == 0
    before = project.rows("a_b")
    messages = whole("a.b", [8], 2) if complete else part("a.b", [8])

    result = target(*messages, *part("others", [1]))

    assert result.code == 1
    (error,) = result.errors
    for name in ("a.b: ", f"`{project.name}.bronze.a_b`", "`a-b`", "`__alias__`"):
        assert name in error
    assert project.rows("a_b") == before
    assert live(project, "others") == {1}

    assert target(*messages, stream_maps={"a.b": {"__alias__": "a_b"}}).code == 0
    assert live(project, "a_b") == {1, 2, 8}
    assert labels(project, "a_b") == stream_labels(["a-b", "a.b"])
    # Now neither may take it for its own, unless that is said again.
    assert target(*whole("a-b", [1], 3)).code == 1
    both = {"a-b": {"__alias__": "a_b"}, "a.b": {"__alias__": "a_b"}}
    assert target(*whole("a-b", [1], 3), *whole("a.b", [8], 4), stream_maps=both).code == 0
    assert live(project, "a_b") == {1, 8}


def test_a_table_of_an_earlier_version_learns_its_stream_once(target: TargetRunner, project: Project) -> None:
    target(*whole("a-b", [1, 2], 1))
    forget_streams(project, "a_b")

    def writes() -> int:
        with Proxy(project.api_endpoint) as proxy:
            assert target(*whole("a-b", [1, 2], 2), api_endpoint=proxy.url).code == 0
        return sum(request.method == "PATCH" and "/bronze/tables/a_b" in request.path for request in proxy.requests)

    assert (writes(), writes()) == (1, 0)
    assert labels(project, "a_b") == stream_labels(["a-b"])
    assert target(*part("a.b", [8])).code == 1


def test_a_dry_run_says_the_same_and_writes_no_label(target: TargetRunner, project: Project) -> None:
    target(*whole("a-b", [1, 2], 1))

    assert target(*part("a.b", [8]), dry_run=True).code == 1
    assert target(*part("a.b", [8]), dry_run=True, stream_maps={"a.b": {"__alias__": "a_b"}}).code == 0
    assert labels(project, "a_b") == stream_labels(["a-b"])
