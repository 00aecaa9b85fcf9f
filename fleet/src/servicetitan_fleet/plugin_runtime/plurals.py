"""Numbers with their nouns, for people: `1 row`, `2 rows`."""

from __future__ import annotations

import re

_ENDS_IN_IES = re.compile(r"[^aeiou]y\Z")


def pluralize(count: int, noun: str) -> str:
    """Format a number with its noun: `1 stream`, `0 streams`, `1,200 rows`, `2 companies`.

    Args:
        count: The number.
        noun: What is counted, as one of it is called. Words before the noun do no harm: `live row`.
    """
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun[:-1]}ies" if _ENDS_IN_IES.search(noun) else f"{count:,} {noun}s"
