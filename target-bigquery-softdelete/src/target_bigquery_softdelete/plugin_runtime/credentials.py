"""Says what is wrong with a credential, without its text."""

from __future__ import annotations

import re

_UNSENDABLE = re.compile("[\x00-\x1f\x7f-\x9f]")


def find_problem(value: str) -> str:
    """Return why no HTTP header can carry a credential; empty if one can (RFC 9110, section 5.5)."""
    if "\n" in value or "\r" in value:
        return "has a line break in it"
    if _UNSENDABLE.search(value):
        return "has a control character in it"
    if value != value.strip():
        return "begins or ends with a blank"
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        return "has a character outside Latin-1 in it"
    return ""
