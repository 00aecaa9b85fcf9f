"""What a catalog deselects is left out, and only what the SDK would not read either."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from singer_sdk.singerlib import Catalog

from tap_servicetitan.catalog.selection import without_deselected


def _entry(*nodes: object, name: str = "jobs") -> dict[str, Any]:
    return {"tap_stream_id": name, "stream": name, "schema": {"type": "object"}, "metadata": [*nodes]}


def _root(**metadata: object) -> dict[str, Any]:
    return {"breadcrumb": [], "metadata": metadata}


def _is_kept(entry: object) -> bool:
    return without_deselected({"streams": [entry]}) == {"streams": [entry]}


def test_deselected_streams_are_left_out_in_place() -> None:
    wanted = [_entry(_root(selected=True)), _entry({"breadcrumb": ["properties", "id"], "metadata": {}}, name="tags")]
    streams = [wanted[0], _entry(_root(selected=False), name="invoices"), wanted[1]]

    assert without_deselected({"version": 1, "streams": streams}) == {"version": 1, "streams": wanted}
    assert len(streams) == 3


@pytest.mark.parametrize("inclusion", [None, "available", "automatic", "unsupported"])
def test_nothing_is_left_out_that_the_sdk_would_read(inclusion: str | None) -> None:
    left_out = 0
    for first, last, default in itertools.product([None, True, False], repeat=3):
        nodes = [
            _root(**{"selected": it, "inclusion": inclusion, "selected-by-default": default}) for it in (first, last)
        ]
        entry = _entry(*nodes, {"breadcrumb": ["properties", "id"], "metadata": {"selected": first}})
        if not _is_kept(entry):
            left_out += 1
            assert not Catalog.from_dict({"streams": [entry]})["jobs"].metadata.resolve_selection()[()]
    assert left_out == (0 if inclusion == "automatic" else 9)


def test_the_last_word_on_a_stream_counts() -> None:
    selected, deselected = _entry(_root(selected=True)), _entry(_root(selected=False))
    odd = _entry(_root(selected=False), {"breadcrumb": "", "metadata": {"selected": True}})

    assert without_deselected({"streams": [selected, deselected]}) == {"streams": []}
    assert without_deselected({"streams": [deselected, selected]}) == {"streams": [deselected, selected]}
    assert _is_kept(odd)
    assert Catalog.from_dict({"streams": [odd]})["jobs"].metadata.resolve_selection()[()]


@pytest.mark.parametrize(
    "entry",
    [
        None,
        "jobs",
        {},
        {"metadata": None},
        {"metadata": {"breadcrumb": []}},
        _entry("selected"),
        _entry(_root() | {"metadata": 1}),
    ],
)
def test_what_is_no_entry_stays(entry: object) -> None:
    assert _is_kept(entry)
