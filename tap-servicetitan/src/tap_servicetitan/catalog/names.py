"""Names of streams that somebody has written, and that should exist."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from tap_servicetitan.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterable


def check_names(wanted: Iterable[str], existing: Iterable[str]) -> None:
    """Check that streams exist.

    Args:
        wanted: The names that a catalog selects.
        existing: The names of all streams.

    Raises:
        PluginError: If some do not. It says which ones may be meant.
    """
    known = list(existing)
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        raise PluginError(
            f"the catalog selects streams that do not exist: {', '.join(hint(name, known) for name in unknown)}. "
            "Discover the streams again, or correct the names"
        )


def hint(name: str, known: Iterable[str]) -> str:
    """Return a name that does not exist, with the one that may be meant."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"{name} (perhaps {near[0]} is meant)" if near else name
