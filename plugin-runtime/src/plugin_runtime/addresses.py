"""Shows the addresses of files in messages, without the passwords and signatures that they may hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Iterator

MASK = "***"

LONGEST_SHOWN = 300
"""Characters of an address that a message shows."""

SHORTEST_HIDDEN = 4
"""Parts shorter than this (in characters) are not masked in the texts of others: they would blank out ordinary text."""

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(.*)", re.DOTALL)
"""Scheme, authority, rest: https://www.rfc-editor.org/rfc/rfc3986."""

_QUERY = re.compile(r"[?#]")


def show_address(address: str) -> str:
    """Return the part of an address that may appear in a message: no password, no query, no fragment, on one line.

    Args:
        address: A path or a URL. Of anything else only the beginning is shown: it may hold anything.
    """
    url = _URL.fullmatch(address)
    if url is None:
        head = address.partition(":")[0]
        shown = _QUERY.split(address)[0] if address.startswith("/") or head == address else f"{head}:"
    elif "@" in url[3]:
        shown = f"{url[1]}://{MASK}"  # it may end a password that has a `/`, `?` or `#`
    else:
        shown = f"{url[1]}://{url[2].rpartition('@')[2]}{_QUERY.split(url[3])[0]}"
    return "".join(map(_printable, shown[:LONGEST_SHOWN]))


def _printable(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def mask_address(text: str, address: str) -> str:
    """Return a text in which the secret parts of an address are masked: errors of other libraries quote addresses."""
    text = text.replace(address, show_address(address))
    forms = {form for part in secret_parts(address) for form in (part, unquote(part), quote(part, safe=""))}
    for form in sorted(forms, key=len, reverse=True):
        if len(form) >= SHORTEST_HIDDEN:
            text = text.replace(form, MASK)
    return text


def secret_parts(address: str) -> Iterator[str]:
    """Yield what an address may hold of secrets: name and password, the values of its query, its fragment."""
    url = _URL.fullmatch(address)
    rest = url[2] + url[3] if url else address
    if url and "@" in rest:
        user = rest.rpartition("@")[0]
        yield user
        yield from user.split(":", 1)
    _, *queries = _QUERY.split(rest)
    for query in queries:
        yield query
        yield from (pair.partition("=")[2] for pair in query.split("&"))
