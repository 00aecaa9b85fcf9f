"""Counts for `--count` the records of the selected streams at the source, with a small request or two for each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from tap_servicetitan.errors import StreamError
from tap_servicetitan.plugin_runtime.redaction import to_line
from tap_servicetitan.replication.complete_list import PassRequest
from tap_servicetitan.replication.list_reader import ListReader
from tap_servicetitan.specs.spec import ReplicationKind, ResponseFormat
from tap_servicetitan.streams.report import ReportStream

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tap_servicetitan.api.client import ApiClient
    from tap_servicetitan.specs.spec import StreamSpec
    from tap_servicetitan.streams.base import ServiceTitanStream
    from tap_servicetitan.streams.context import StreamContext

NO_TOTAL = "its list tells no total"


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many records of a stream the source has."""

    stream: str
    count: int | None = None
    """None if that is not known."""
    created_before: datetime | None = None
    """Only records that were created before this moment (UTC) are counted. None: all of them."""
    is_snapshot: bool = False
    """Whether each run reads every record, so that the table has none that are gone."""
    uncounted: str = ""
    """Why only a pass over all records would count them; empty if a request does."""
    problem: str = ""
    """Why the request failed; empty if it did not."""


def count_records(
    streams: Sequence[ServiceTitanStream], context: StreamContext, created_before: datetime | None
) -> list[Count]:
    """Count the records of each stream, several streams at the same time.

    Args:
        streams: The selected streams.
        context: What they share.
        created_before: A moment (UTC). Where the API can tell, only records that were created before it are counted.

    Returns:
        A count for each stream, in the same order.

    Raises:
        SignInRefusedError: If the credentials are not accepted.
    """
    found: dict[str, Count] = {}

    def count(stream: ServiceTitanStream) -> None:
        found[stream.name] = count_stream(context.client, stream, created_before)

    context.turns.run([partial(count, stream) for stream in streams], [stream.spec.area for stream in streams])
    return [found[stream.name] for stream in streams]


def count_stream(client: ApiClient, stream: ServiceTitanStream, created_before: datetime | None) -> Count:
    """Count the records of a stream. See `count_records`."""
    spec = stream.spec
    moment = created_before if spec.is_freezable else None
    known = Count(
        stream=spec.name,
        created_before=moment,
        is_snapshot=stream.source.kind is ReplicationKind.SNAPSHOT,
        uncounted="a report" if isinstance(stream, ReportStream) else uncounted_reason(spec),
    )
    if known.uncounted:
        return known
    try:
        count = _ask(client, spec, moment)
    except StreamError as error:
        return replace(known, problem=to_line(str(error)))
    return replace(known, count=count, uncounted="" if count is not None else NO_TOTAL)


def uncounted_reason(spec: StreamSpec) -> str:
    """Return why no single request counts the records of a stream; empty if one does."""
    if spec.parent:
        return f"a list for each record of {spec.parent.stream}"
    if spec.period:
        return "read day by day"
    if spec.list_path is None or (spec.kind is ReplicationKind.FEED and spec.full_pass == "feed"):  # noqa: S105 - no secret
        return "an export feed, which tells no total"
    if spec.unpack:
        return "its records are parts of others"
    if spec.response_format is ResponseFormat.PAGES and not spec.has_total_count:
        return NO_TOTAL
    return ""


def _ask(client: ApiClient, spec: StreamSpec, created_before: datetime | None) -> int | None:
    pages = ListReader(client, spec, 1).read_pages(PassRequest(page_size=1, created_before=created_before))
    (page,) = islice(pages, 1)
    return page.total_count if spec.response_format is ResponseFormat.PAGES else len(page.records)
