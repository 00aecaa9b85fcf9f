"""A stream as data: everything the tap knows about an entity."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

EXPORT_PARAMETERS = ("from", "includeRecentChanges")
"""Query parameters that the tap sends to every export feed."""

CREATED_BEFORE = "createdBefore"
"""The query parameter that freezes a list."""

CREATED_SINCE = "createdOnOrAfter"
"""The query parameter for records that were created at or after a time. Lists that can be frozen have it, too."""

IDS = "ids"
"""The query parameter that asks a list for single records."""

POSITION = "position"
"""The field that numbers the records of a stream without a key."""

DATE = "date"
"""The field that the tap adds to the records of a stream that is read day by day: their day (UTC)."""

CREATED = "createdOn"
"""The field with the time of creation, where a record has one."""

DELETED_AT = "_sdc_deleted_at"
"""The field that marks a record as deleted, with the time of the deletion."""

DELETED_AT_SCHEMA: Mapping[str, object] = {"type": ["string", "null"], "format": "date-time"}
"""JSON Schema of `_sdc_deleted_at`."""

DECIMAL_OF = "x-decimal-of"
"""Annotation in the schema of a field that holds, as a number, what another one holds as text: the name of that one."""

DECIMAL_SUFFIX = "Decimal"
"""What the name of such a field has behind the name of the text."""

EXTRA = "_extra"
"""The field for everything that the schema lacks. It holds JSON of any shape."""

EXTRA_SCHEMA: Mapping[str, object] = {"type": ["object", "null"]}
"""JSON Schema of `_extra`."""


class ReplicationKind(Enum):
    """How a stream is read."""

    SNAPSHOT = "snapshot"
    """Every record on every run, from the list endpoint."""

    CHANGES = "changes"
    """The changes since the last run, from the list endpoint; every record when the last full pass is too old."""

    FEED = "feed"
    """The changes since the last run, from the export feed; every record when the last full pass is too old."""

    DAYS = "days"
    """The records of one day after the other, and again those of recent days, which may still change."""


class ResponseFormat(Enum):
    """The form of a list's response."""

    PAGES = "pages"
    """`{page, pageSize, hasMore, totalCount, data}`, one page per request."""

    ARRAY = "array"
    """A bare JSON array with all records."""

    DATA = "data"
    """`{data}` with all records."""

    OBJECT = "object"
    """A single record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """The stream whose keys go into the path of a child stream's list."""

    stream: str
    """Name of the parent stream. Its key is one field."""

    placeholder: str
    """The `{...}` in the child's path, without braces, to replace with the parent's key."""

    field: str
    """The child's field for the parent's key. The tap adds it to records that come without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The stretch of time that a list has to be asked for. The tap asks for a day (UTC) at a time."""

    first: str
    """The parameter with the first moment."""

    end: str
    """The parameter with the moment after the last."""

    is_ahead: bool = False
    """Whether it is about days to come, beginning with today, and not about those until today."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSpec:
    """One stream.

    Paths are those of the API's OpenAPI documents, without the host, with `{tenant}` in them.
    """

    name: str
    """Singer name of the stream, and the name of its schema file."""

    list_path: str | None = None
    """Path of the list endpoint."""

    export_path: str | None = None
    """Path of the export feed. A stream that has one is read from it."""

    response_format: ResponseFormat = ResponseFormat.PAGES
    """The form of the list's response."""

    data_field: str = "data"
    """The field with the records, in a response of the form `DATA`."""

    body: Mapping[str, object] | None = None
    """What else than the period stands in the body (JSON), for a list that is asked by POST."""

    period: Period | None = None
    """The stretch of time that the list has to be asked for, if it has."""

    is_documented: bool = True
    """Whether the documents say what a record looks like. Otherwise its schema has what public clients read, and
    everything else goes into `_extra`."""

    has_total_count: bool = True
    """Whether a list with pages can tell its number of records."""

    most_per_page: int | None = None
    """The most records to ask for per page, if the documents say so or public clients had to. The setting
    `page_size` may ask for less."""

    key: tuple[str, ...] = ("id",)
    """The fields that identify a record."""

    unpack: str | None = None
    """The field with the array of which each element is a record; None if what the API sends are the records.

    An element gets the other fields of the object that it comes in.
    """

    numbered: bool = False
    """Whether only its position identifies a record: in the parent's list, in that of a day, or in the whole list.

    The tap adds the position, from 0 on, as the field `position`, which is then a part of `key`.
    """

    cursor: str | None = "modifiedOn"
    """The field that holds the time of the last change (UTC), if there is one."""

    changed_since: str | None = None
    """The list's query parameter for records that have changed since a time."""

    changed_before: str | None = None
    """The list's query parameter for records whose last change is older than a time."""

    is_freezable: bool = False
    """Whether the list can be read as of one moment, and in parts by the time of creation.

    It takes `createdBefore` and `createdOnOrAfter`, its records have `createdOn`, and it shows them all, active or not.
    Otherwise one that is not active could become so, and come in the place of one that goes.
    """

    takes_ids: bool = False
    """Whether the list can be asked for single records, by `ids`, and shows them all, active or not.

    This tells the children whether their parent is gone.
    """

    record_path: str | None = None
    """Path of a single record, with `{id}` in it, for the same purpose: if the list does not show all records."""

    query: Mapping[str, str] = field(default_factory=dict)
    """The list's other query parameters: ask for all records, active or not. Nothing relies on an order in them."""

    export_query: Mapping[str, str] = field(default_factory=dict)
    """The export feed's query parameters in addition to EXPORT_PARAMETERS."""

    full_pass: Literal["feed", "list"] = "feed"
    """Where a full pass reads every record, if the stream has an export feed."""

    inactive_is_deleted: bool = False
    """Whether the API documents that a record with `active: false` has been deleted."""

    parent: Parent | None = None
    """The parent, for a child stream: the list is read once per record of the parent."""

    selected: bool = False
    """Whether the stream is read by default."""

    fields: Mapping[str, Mapping[str, object]] | None = None
    """JSON Schemas of the fields, for a stream without a schema file. All other fields go into `_extra`."""

    @property
    def kind(self) -> ReplicationKind:
        """How the stream is read."""
        if self.export_path:
            return ReplicationKind.FEED
        if self.period:
            return ReplicationKind.DAYS
        return ReplicationKind.CHANGES if self.changed_since else ReplicationKind.SNAPSHOT

    @property
    def replication_key(self) -> str | None:
        """The replication key in the Singer catalog: the cursor, unless the stream is a snapshot."""
        if self.kind is ReplicationKind.DAYS:
            return DATE
        return None if self.kind is ReplicationKind.SNAPSHOT else self.cursor

    @property
    def list_parameters(self) -> tuple[str, ...]:
        """Query parameters that select a page of the list."""
        if self.response_format is not ResponseFormat.PAGES:
            return ()
        return ("page", "pageSize", "includeTotal") if self.has_total_count else ("page", "pageSize")

    @property
    def filters(self) -> tuple[str, ...]:
        """Query parameters that the tap sends to the list for some requests only."""
        names = (
            self.changed_since,
            self.changed_before,
            CREATED_BEFORE if self.is_freezable else None,
            CREATED_SINCE if self.is_freezable else None,
            IDS if self.takes_ids else None,
            *((self.period.first, self.period.end) if self.period and self.body is None else ()),
        )
        return tuple(name for name in names if name)

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of the stream: the list's, then the feed's."""
        return tuple(path for path in (self.list_path, self.export_path) if path)

    @property
    def list_part(self) -> str | None:
        """The field with the records, if the list comes whole in an object and under another name than `data`."""
        return self.data_field if self.data_field != "data" else None

    @property
    def area(self) -> str:
        """The API module, as in the first part of its path, for example `settings`."""
        return self.paths[0].split("/")[1]

    @property
    def module(self) -> str:
        """The API module and its version, as in the name of its OpenAPI document, for example `settings-v2`."""
        _, area, version, *_ = self.paths[0].split("/")
        return f"{area}-{version}"
