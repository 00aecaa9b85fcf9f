"""Queries that documents show, so that tests can run them."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"

_QUERY = re.compile(r"^<!-- query: (?P<name>[^\n]+) -->\n```sql\n(?P<sql>.*?)^```$", re.MULTILINE | re.DOTALL)


def queries(page: str) -> dict[str, str]:
    """Return the queries of a page that have a name, by that name.

    Args:
        page: The page, such as `how-to/cost.md`.
    """
    return {found["name"]: found["sql"] for found in _QUERY.finditer((DOCS / page).read_text("utf-8"))}
