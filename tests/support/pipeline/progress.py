"""How far a company has been read, as a STATE says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from servicetitan_sandbox.servicetitan.data import ticks
from servicetitan_sandbox.servicetitan.http.feed_tokens import read_token

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Bookmark = Mapping[str, Any]

Progress = dict[str, tuple[Any, ...]]
"""For each stream what its bookmark says, by name: the more has been read, the greater."""


def progress(state: Mapping[str, Any] | None, entities: Mapping[str, str]) -> Progress:
    """Return how far streams have been read: their changes, and their full pass.

    Args:
        state: The value of a STATE message.
        entities: The sandbox's name of the records that a stream follows: a child stream follows its parents.
    """
    bookmarks: Mapping[str, Bookmark] = (state or {}).get("bookmarks", {})
    found: Progress = {}
    for stream, entity in entities.items():
        bookmark = bookmarks.get(stream, {})
        found[f"changes of {stream}"] = (
            _position(bookmark.get("continue_from"), entity),
            bookmark.get("newest", ""),
            -len(bookmark.get("pending", ())),
        )
        found[f"full pass of {stream}"] = _passed(bookmark, entity)
    return found


def went_back(before: Progress, after: Progress) -> list[str]:
    """Return a line for each part of the progress that is smaller than it was."""
    return [f"{name}: {before[name]} became {after[name]}" for name in before if after[name] < before[name]]


def parents_read(bookmark: Bookmark, parents: Sequence[int], entity: str) -> set[int]:
    """Return the parents whose lists need not be asked for again, as the bookmark of a child stream says.

    Args:
        bookmark: The bookmark. If it has an open pass, that is what is asked, otherwise the first load.
        parents: The parents in the order of their feed.
        entity: Their name.
    """
    opened = bookmark.get("open_pass")
    if opened:
        done_to, gaps = opened.get("done_to", 0), opened.get("gaps", ())
        read = {parent for parent in parents if parent <= done_to or opened.get("is_read")}
        return {parent for parent in read if not any(_is_in(parent, gap) for gap in gaps)}
    return set(parents[: _position(bookmark.get("continue_from"), entity)]) - set(bookmark.get("pending", ()))


def _passed(bookmark: Bookmark, entity: str) -> tuple[Any, ...]:
    passed = max(bookmark.get("full_pass_at", ""), bookmark.get("long_pass_at", ""))
    opened = bookmark.get("open_pass")
    if not opened:
        return (passed,)
    token = opened.get("continue_from")
    position = _position(token, entity) if token else opened.get("done_to") or _ticks(opened.get("created_to"))
    # What was read by a run that was killed is a gap, until it is read again.
    return passed, opened["began"], position, opened.get("is_read", False), -len(opened.get("gaps", ()))


def _position(token: str | None, entity: str) -> int:
    return read_token(token, entity) if token else 0


def _ticks(moment: str | None) -> int:
    return ticks.from_text(moment) if moment else 0


def _is_in(key: int, gap: Sequence[int | None]) -> bool:
    low, high = gap
    return (low is None or key > low) and (high is None or key <= high)
