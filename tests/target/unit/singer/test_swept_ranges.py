"""What a tap says of the ranges that it has read is taken as it is meant, or not at all."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from target_bigquery_softdelete.singer.swept_ranges import MOST_RANGES, SweptRanges, parse_swept

KEYS = {"version": 7, "property": "customerId", "ranges": [{"to": 17}, {"after": 20, "to": 30}, {"after": 40}]}
TIMES = {"version": 7, "property": "createdOn", "ranges": [{"from": "2026-01-01T00:00:00Z", "before": "2026-02-01"}]}


def said(swept: object) -> dict[str, Any]:
    return {"notes": {"status": "incomplete", "swept": swept}, "jobs": {"status": "complete"}}


def test_ranges_of_keys_and_of_times() -> None:
    assert parse_swept(said(KEYS)) == {
        "notes": SweptRanges(7, "customerId", ((None, 17), (20, 30), (40, None)), are_times=False)
    }
    since, before = (dt.datetime(2026, month, 1, tzinfo=dt.UTC) for month in (1, 2))
    assert parse_swept(said(TIMES)) == {"notes": SweptRanges(7, "createdOn", ((since, before),), are_times=True)}
    texts = {**KEYS, "ranges": [{"after": "a", "to": "b"}]}
    assert parse_swept(said(texts)) == {"notes": SweptRanges(7, "customerId", (("a", "b"),), are_times=False)}
    everything = parse_swept(said({**KEYS, "ranges": [{}]}))["notes"]
    assert everything is not None
    assert everything.ranges == ((None, None),)


@pytest.mark.parametrize("read", [None, 7, [], {"notes": 7}, {"notes": {"status": "complete"}}])
def test_most_messages_say_nothing_of_ranges(read: object) -> None:
    assert parse_swept(read) == {}


@pytest.mark.parametrize(
    "swept",
    [
        7,
        [KEYS],
        {**KEYS, "version": "7"},
        {**KEYS, "version": None},
        {**KEYS, "property": None},
        {**KEYS, "ranges": []},
        {**KEYS, "ranges": {"after": 1}},
        {**KEYS, "ranges": [7]},
        {**KEYS, "ranges": [{"after": 1}] * (MOST_RANGES + 1)},
        {**KEYS, "ranges": [{"after": 1, "before": 2}]},
        {**KEYS, "ranges": [{"after": 1, "until": 2}]},
        {**KEYS, "ranges": [{"after": 1.5}]},
        {**KEYS, "ranges": [{"after": True}]},
        {**KEYS, "ranges": [{"after": 1, "to": "b"}]},
        {**TIMES, "ranges": [{"from": 7}]},
        {**TIMES, "ranges": [{"from": "yesterday"}]},
        {**TIMES, "ranges": [{"from": "2026-01-01"}, {"after": 7}]},
    ],
)
def test_what_is_not_understood_is_no_range(swept: object) -> None:
    assert parse_swept(said(swept)) == {"notes": None}
