"""Which streams of the input the setting `stream_maps` sends into a table."""

from __future__ import annotations

from typing import Any

import pytest

from target_bigquery_softdelete.singer.sources import declared_sources

MAPS: dict[str, Any] = {
    "east": {"__alias__": "sites"},
    "west": {"__alias__": "sites", "name": "name"},
    "jobs": {"name": None},
    "copy": {"__source__": "jobs"},
    "old": None,
    "raw_*": {"__alias__": "raw"},
    "own": {"__alias__": "own"},
}


@pytest.mark.parametrize(
    ("table", "stream", "expected"),
    [
        ("sites", "east", {"east", "west"}),
        ("jobs", "jobs", set()),
        ("copy", "jobs", {"jobs"}),
        ("old", "old", set()),
        ("raw", "raw_3", {"raw_3"}),
        ("own", "own", {"own"}),
        ("other", "other", set()),
    ],
)
def test_it_names_those_with_an_alias_or_a_source(table: str, stream: str, expected: set[str]) -> None:
    assert declared_sources(MAPS, table, stream) == expected
