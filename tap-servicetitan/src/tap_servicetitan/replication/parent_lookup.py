"""Finds out which parents are gone. That the list of one's children is not found (404) does not prove it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_servicetitan.specs.spec import IDS, ReplicationKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_servicetitan.api.pages import Key
    from tap_servicetitan.replication.list_reader import ListReader
    from tap_servicetitan.specs.spec import StreamSpec

IDS_AT_ONCE = 50
"""For how many records the API can be asked at a time, by its documents."""


def find_gone(lists: ListReader, spec: StreamSpec, parents: Sequence[Key]) -> set[Key]:
    """Return those of some parents that are gone. Where that cannot be proven, a parent counts as there.

    Args:
        lists: Reads the list of the parents.
        spec: Their spec.
        parents: Keys of parents that were listed before.

    Raises:
        StreamError: If the list of the parents cannot be read.
    """
    if not parents or (spec.kind is ReplicationKind.FEED and not spec.takes_ids):
        return set()  # the feed may show parents that the list hides
    queries: Iterator[dict[str, str]] = iter(({},))
    if spec.takes_ids:
        starts = range(0, len(parents), IDS_AT_ONCE)
        queries = ({IDS: ",".join(map(str, parents[start : start + IDS_AT_ONCE]))} for start in starts)
    there: set[Key] = set()
    for query in queries:
        reader = lists.open(lambda *_: None, query=query)
        for page in reader.pages():
            there.update(page.keys)
        if reader.problem:
            return set()
    return set(parents) - there
