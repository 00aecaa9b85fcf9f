"""A source of few records with a history, and the input that a tap makes of it.

The history is short and has what is hard for two runs at once: a value that changes each time, records that go, come,
and come back. A run that begins early reads an older version than one that begins late.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from support.singer import INTEGER, STRING, activate, record, schema, state

if TYPE_CHECKING:
    from collections.abc import Sequence

STREAM = "jobs"

Values = Mapping[int, int]
"""The records of one version: key and value."""

Reading = Literal["snapshot", "changes"]
"""A snapshot is complete, and announced as such. Changes are those since the bookmark, with deletion records."""

PLAIN: tuple[Values, ...] = (
    {1: 0, 2: 0, 3: 0, 5: 0},
    {1: 1, 2: 0, 5: 0},
    {1: 2, 3: 2, 4: 2, 5: 0},
)
"""Record 1 changes each time, 2 goes late, 3 goes and comes back changed, 4 comes late, 5 never changes."""

THERE_AND_BACK: tuple[Values, ...] = (
    {5: 0, 6: 0, 7: 0},
    {5: 0, 6: 1},
    {5: 0, 6: 0, 7: 0},
)
"""Record 6 changes and changes back, 7 goes and comes back as it was: whoever reads late finds nothing to write."""


def messages(
    history: Sequence[Values], version: int, bookmark: int | None, reading: Reading, *, run: int
) -> list[dict[str, Any]]:
    """Return what a tap sends that reads one version of the source.

    Args:
        history: The versions of the source.
        version: The one that it reads.
        bookmark: The version of the last STATE that was stored, if any.
        reading: Whether it reads everything or what has changed since the bookmark.
        run: Number of the run. It is the version of its messages, because a snapshot goes on with no other.
    """
    properties = {"id": INTEGER, "value": INTEGER, "_sdc_deleted_at": STRING}
    started = [state(bookmark_at(bookmark))] if bookmark is not None else []
    begin = [*started, schema(STREAM, properties)]
    end = state(bookmark_at(version))
    if reading == "snapshot":
        rows = [record(STREAM, {"id": key, "value": value}, run) for key, value in history[version].items()]
        return [*begin, *rows, activate(STREAM, run), end]
    return [*begin, *_changes(history, version, bookmark), end]


def bookmark_at(version: int) -> dict[str, Any]:
    """Return the state of a tap that has read a version."""
    return {"bookmarks": {STREAM: {"version": version}}}


def version_of(value: Mapping[str, Any]) -> int | None:
    """Return the version that a state says is read, if any."""
    version: int | None = value.get("bookmarks", {}).get(STREAM, {}).get("version")
    return version


def _changes(history: Sequence[Values], version: int, bookmark: int | None) -> list[dict[str, Any]]:
    """Return the changes since a bookmark. Without one a feed begins with what was there at first, and goes on."""
    now = history[version]
    first = bookmark or 0
    steps = range(first + 1, version + 1)
    keys = {key for values in history[first : version + 1] for key in values}
    changed = sorted(
        key for key in keys if bookmark is None or any(history[at - 1].get(key) != history[at].get(key) for at in steps)
    )
    return [
        record(STREAM, {"id": key, "value": now[key]} if key in now else {"id": key, "_sdc_deleted_at": "2026-01-01"})
        for key in changed
    ]
