"""What a table remembers in its labels."""

from __future__ import annotations

import re

import pytest

from target_bigquery_softdelete.load.table_memory import (
    BEGUN_LABEL,
    EARLY_LABEL,
    MOST_VERSIONS,
    TableMemory,
    other_streams,
    stream_labels,
)

LABEL = re.compile(r"[a-z0-9_-]{0,63}")


@pytest.mark.parametrize("version", [0, 1, -1, 1_764_367_200_123, -(2**70)])
def test_a_version_is_known_again(version: int) -> None:
    labels = TableMemory().labels([("jobs", version)], early=False)

    memory = TableMemory.read(labels)
    assert LABEL.fullmatch(labels[BEGUN_LABEL])
    assert memory.has_begun("jobs", version)
    assert not memory.has_begun("jobs", version + 1)
    assert not memory.has_begun("crews", version)


def test_the_last_versions_are_remembered_and_none_is_forgotten_for_one_that_comes_again() -> None:
    memory = TableMemory()
    for version in [*range(MOST_VERSIONS), 0, MOST_VERSIONS]:
        memory = TableMemory.read(memory.labels([("jobs", version)], early=False))

    assert [version for version in range(9) if memory.has_begun("jobs", version)] == [0, 2, 3, 4, 5, 6, 7]
    assert LABEL.fullmatch(memory.labels([], early=False)[BEGUN_LABEL])


def test_where_nothing_is_to_be_remembered_no_label_is_written() -> None:
    assert TableMemory().labels([], early=False) == {}
    assert TableMemory.read({"filled": "true", BEGUN_LABEL: ""}) == TableMemory()


def test_it_remembers_how_the_tap_announces_and_forgets_it() -> None:
    early = TableMemory.read(TableMemory().labels([], early=True))
    assert early.announced_early
    assert early.labels([], early=False) == {EARLY_LABEL: "false"}


@pytest.mark.parametrize("name", ["jobs", "a-b", "a.b", "Public-Users", "mañana", "日本 \n", "", "x" * 300, "é" * 30])
def test_a_table_names_its_streams(name: str) -> None:
    labels = stream_labels([name])

    ((label, value),) = labels.items()
    assert LABEL.fullmatch(value)
    assert re.fullmatch(r"stream-[0-9a-f]{8}", label)
    assert other_streams(labels, [name]) == []
    (found,) = other_streams({**labels, "filled": "true"}, ["other"])
    assert found == name or (len(name) > 7 and name.startswith(found) and found)
