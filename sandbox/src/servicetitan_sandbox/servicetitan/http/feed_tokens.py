"""The opaque tokens that continue an export feed: the feed's entity, and a position in its change order."""

from __future__ import annotations

import base64
import binascii
import secrets
from typing import TYPE_CHECKING

from servicetitan_sandbox.servicetitan.data import ticks
from servicetitan_sandbox.servicetitan.http.problems import invalid

if TYPE_CHECKING:
    from collections.abc import Mapping


def is_token(query: Mapping[str, str]) -> bool:
    """Return whether `from` is a token, not a date and not missing."""
    try:
        ticks.from_text(query.get("from") or "1970-01-01")
    except ValueError:
        return True
    return False


def make_token(entity: str, position: int) -> str:
    """Return the token for a position."""
    return _encode(f"{entity}/{position}")


def read_token(token: str, entity: str) -> int:
    """Return the position that a token stands for.

    Raises:
        Problem: 400 if it is not a token, or belongs to another entity.
    """
    try:
        owner, position, *_ = _decode(token).split("/")
        if owner != entity:
            raise invalid("from", "The continuation token belongs to another export.")
        return int(position)
    except (binascii.Error, ValueError):
        raise invalid("from", "The continuation token is not valid.") from None


def renew_token(token: str) -> str:
    """Return a token for the same position that no page has had before."""
    return _encode(f"{_decode(token)}/{secrets.token_hex(4)}")


def _encode(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(token: str) -> str:
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
