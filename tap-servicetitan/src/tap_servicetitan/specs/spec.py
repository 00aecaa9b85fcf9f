"""The row that describes a stream: everything the tap knows of an entity, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

EXPORT_PARAMETERS = ("from", "includeRecentChanges")
"""Query parameters that a feed sends."""

POSITION = "position"
"""The field that numbers the records of a stream without a key of its own."""


class Kind(Enum):
    """How a stream is read."""

    SNAPSHOT = "snapshot"
    """Every row on every run, from the list endpoint."""

    CHANGES = "changes"
    """What changed since the last run, from the list endpoint; every row when the last full pass is too old."""

    FEED = "feed"
    """What changed since the last run, from the export feed; every row when the last full pass is too old."""


class Answer(Enum):
    """How a list answers."""

    PAGES = "pages"
    """`{page, pageSize, hasMore, totalCount, data}`, one page at a time."""

    ARRAY = "array"
    """A bare JSON array with everything in it."""

    DATA = "data"
    """`{data}` with everything in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """Where a child stream gets the keys that its list is asked for with."""

    stream: str
    """Name of the parent's row. Its key is one field."""

    placeholder: str
    """The `{...}` in the child's path, without braces, that takes the parent's key."""

    field: str
    """The child's field that holds the parent's key. It is put into records that come without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSpec:
    """One stream.

    Paths are those of the API's OpenAPI documents, from the host on, with `{tenant}` in them.
    """

    name: str
    """Singer name of the stream, and the name of its schema file."""

    list_path: str | None = None
    """Where the list is read."""

    export_path: str | None = None
    """Where the export feed is read. A stream that has one here is read from it."""

    answer: Answer = Answer.PAGES
    """How the list answers."""

    counted: bool = True
    """Whether a list that has pages can be asked for its number of rows."""

    key: tuple[str, ...] = ("id",)
    """The fields that identify a record."""

    numbered: bool = False
    """Whether a record is known only by its place in the list of its parent (or in the whole list, without a parent).

    The place, from 0 on, is added as the field `position`, which then is a part of `key`.
    """

    cursor: str | None = "modifiedOn"
    """The field that holds the time of the last change (UTC), if there is one."""

    changed_since: str | None = None
    """The list's query parameter that leaves out what has not changed since a time."""

    query: Mapping[str, str] = field(default_factory=dict)
    """What the list is asked for besides the page: all rows, active or not, and an order that stays."""

    export_query: Mapping[str, str] = field(default_factory=dict)
    """What the export feed is asked for besides the place to go on from."""

    order_of_change: Mapping[str, str] = field(default_factory=dict)
    """What the list is asked for besides `query`, or instead of the same there, to bring changes in their order."""

    sorted_by_key: bool = False
    """Whether `query` asks for ascending keys, so that a page out of order shows that the list moved."""

    full_pass: Literal["feed", "list"] = "feed"
    """Which of the two shows every record, when the stream has an export feed."""

    inactive_is_deleted: bool = False
    """Whether the API documents that a record with `active: false` has been deleted."""

    parent: Parent | None = None
    """Whose child the stream is, if it is one: the list is then asked for once per record of the parent."""

    selected: bool = False
    """Whether the stream is read when nobody chose which ones are."""

    @property
    def kind(self) -> Kind:
        """How the stream is read."""
        if self.export_path:
            return Kind.FEED
        return Kind.CHANGES if self.changed_since else Kind.SNAPSHOT

    @property
    def replication_key(self) -> str | None:
        """The field that the Singer catalog names as the one that shows changes, if only changes are read."""
        return None if self.kind is Kind.SNAPSHOT else self.cursor

    @property
    def list_parameters(self) -> tuple[str, ...]:
        """Query parameters that say which page of the list is asked for."""
        if self.answer is not Answer.PAGES:
            return ()
        return ("page", "pageSize", "includeTotal") if self.counted else ("page", "pageSize")

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths that the stream is read from: the list's, then the feed's."""
        return tuple(path for path in (self.list_path, self.export_path) if path)

    @property
    def module(self) -> str:
        """The API module and its version, as in the name of its OpenAPI document: `settings-v2`."""
        _, area, version, *_ = self.paths[0].split("/")
        return f"{area}-{version}"
