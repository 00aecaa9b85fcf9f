"""The row that describes a stream: everything the tap knows of an entity, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LIST_PARAMETERS = ("page", "pageSize", "includeTotal")
"""Query parameters that a snapshot sends besides the row's own."""

EXPORT_PARAMETERS = ("from", "includeRecentChanges")
"""Query parameters that a feed sends."""


class Kind(Enum):
    """How a stream is read."""

    SNAPSHOT = "snapshot"
    """Every row on every run, from the list endpoint."""

    FEED = "feed"
    """What changed since the last run, from the export feed; every row when the last full pass is too old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSpec:
    """One stream.

    Paths are those of the API's OpenAPI documents, from the host on, with `{tenant}` in them.
    """

    name: str
    """Singer name of the stream, and the name of its schema file."""

    list_path: str
    """Where the list is read, page by page."""

    export_path: str | None = None
    """Where the export feed is read. A stream that has one here is read from it."""

    key: str = "id"
    """The field that identifies a record."""

    cursor: str = "modifiedOn"
    """The field that holds the time of the last change (UTC)."""

    query: Mapping[str, str] = field(default_factory=dict)
    """What the list is asked for besides the page: all rows, active or not, and an order that stays."""

    sorted_by_key: bool = False
    """Whether `query` asks for ascending keys, so that a page out of order shows that the list moved."""

    @property
    def kind(self) -> Kind:
        """How the stream is read."""
        return Kind.FEED if self.export_path else Kind.SNAPSHOT

    @property
    def module(self) -> str:
        """The API module and its version, as in the name of its OpenAPI document: `settings-v2`."""
        _, area, version, *_ = self.list_path.split("/")
        return f"{area}-{version}"
