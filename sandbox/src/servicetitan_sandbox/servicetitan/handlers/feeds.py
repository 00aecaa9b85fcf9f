"""Export feeds: every record in the order of its last change, continued by opaque tokens."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from servicetitan_sandbox.servicetitan.data import ticks
from servicetitan_sandbox.servicetitan.http.feed_tokens import is_token, make_token, read_token
from servicetitan_sandbox.servicetitan.http.page import Page, flag
from servicetitan_sandbox.servicetitan.http.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servicetitan_sandbox.models import Tenant
    from servicetitan_sandbox.servicetitan.data.table import Table
    from servicetitan_sandbox.servicetitan.spec.endpoints import Endpoint

_REPEATED = 1
"""How many records from before the token `includeRecentChanges` repeats."""


def page(table: Table, endpoint: Endpoint, query: Mapping[str, str], tenant: Tenant, *, back: int = 0) -> Page:
    """Return the page that follows the token or date in `from`, or the first page.

    Args:
        table: The records.
        endpoint: The feed. A token is valid for the records of one entity only.
        query: The query parameters.
        tenant: The owner of the records, which says how many a page has, and which token the last one.
        back: Shift the records by this many pages towards the start.

    Raises:
        Problem: If `from` is neither a date nor a token of this feed, or if the feed is asked to filter.
    """
    if query.get("active", "Any").lower() != "any":
        raise Problem(501, "The sandbox does not filter a feed by active.")
    size = tenant.feed_page_size
    start = position(table, endpoint.entity, query)
    repeated = _REPEATED if flag(query, "includeRecentChanges") and is_token(query) else 0
    first = max(start - back * size - repeated, 0)
    entries = list(islice(table.entries(first), size + repeated + 1))
    chosen = [identifier for _, identifier in entries[: size + repeated]]
    # At the end the token is behind everything served so far, so that it shows only later changes.
    following = entries[-1][0] if len(entries) > size + repeated else table.order.end
    has_more = following < table.order.end
    token: str | None = make_token(endpoint.entity, following)
    if not has_more and tenant.last_continue_from != "next":
        token = query["from"] if tenant.last_continue_from == "same" and is_token(query) else None
    head = {"hasMore": has_more, "continueFrom": token}
    return Page([table.encode_for_feed(identifier, endpoint.hidden) for identifier in chosen], chosen, head)


def position(table: Table, entity: str, query: Mapping[str, str]) -> int:
    """Return the position in the table's change order where the answer starts.

    Raises:
        Problem: If `from` is neither a date nor a token of this feed.
    """
    start = query.get("from", "")
    if not start:
        return 0
    try:
        return table.order.position_since(ticks.from_text(start))
    except ValueError:
        return read_token(start, entity)
