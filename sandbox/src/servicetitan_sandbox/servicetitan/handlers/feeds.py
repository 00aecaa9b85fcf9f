"""Export feeds: every record in the order of its last change, continued by opaque tokens."""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from servicetitan_sandbox.servicetitan.data import ticks
from servicetitan_sandbox.servicetitan.http.page import Page, flag
from servicetitan_sandbox.servicetitan.http.problems import Problem, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servicetitan_sandbox.servicetitan.data.table import Table
    from servicetitan_sandbox.servicetitan.spec.endpoints import Endpoint

_REPEATED = 1
"""How many records from before the token `includeRecentChanges` repeats."""


def page(table: Table, endpoint: Endpoint, query: Mapping[str, str], size: int, *, back: int = 0) -> Page:
    """Return the page that follows the token or date in `from`, or the first one.

    Args:
        table: The records.
        endpoint: The feed; a token is valid for the records of one entity only.
        query: The query parameters.
        size: How many records a page has.
        back: How many pages before the one asked for the records come from.

    Raises:
        Problem: If `from` is neither a date nor a token of this feed, or the feed is to leave records out.
    """
    if query.get("active", "Any").lower() != "any":
        raise Problem(501, "The sandbox does not filter a feed by active.")
    start = position(table, endpoint.entity, query)
    repeated = _REPEATED if flag(query, "includeRecentChanges") and is_token(query) else 0
    first = max(start - back * size - repeated, 0)
    entries = list(islice(table.entries(first), size + repeated + 1))
    chosen = [identifier for _, identifier in entries[: size + repeated]]
    # At the end the token stands behind everything seen so far, so that it shows only what comes later.
    following = entries[-1][0] if len(entries) > size + repeated else table.order.end
    head = {"hasMore": following < table.order.end, "continueFrom": _token(endpoint.entity, following)}
    return Page([table.announced(identifier, endpoint.hidden) for identifier in chosen], chosen, head)


def moving(page: Page) -> Page:
    """Return the same page with a token that no page had before; it stands for the same place."""
    if page.head is None or "continueFrom" not in page.head:
        return page
    place = _decoded(str(page.head["continueFrom"]))
    return replace(page, head={**page.head, "continueFrom": _encoded(f"{place}/{secrets.token_hex(4)}")})


def position(table: Table, stream: str, query: Mapping[str, str]) -> int:
    """Return the place in the table's log where the answer starts.

    Raises:
        Problem: If `from` is neither a date nor a token of this feed.
    """
    start = query.get("from", "")
    if not start:
        return 0
    try:
        return table.order.position_since(ticks.from_text(start))
    except ValueError:
        return _position_of(start, stream)


def is_token(query: Mapping[str, str]) -> bool:
    """Return whether the query continues from a token, and not from a date or the start."""
    try:
        ticks.from_text(query.get("from") or "1970-01-01")
    except ValueError:
        return True
    return False


def _token(stream: str, place: int) -> str:
    return _encoded(f"{stream}/{place}")


def _position_of(token: str, stream: str) -> int:
    try:
        owner, place, *_ = _decoded(token).split("/")
        if owner != stream:
            raise invalid("from", "The continuation token belongs to another export.")
        return int(place)
    except (binascii.Error, ValueError):
        raise invalid("from", "The continuation token is not valid.") from None


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decoded(token: str) -> str:
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
