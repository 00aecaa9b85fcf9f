"""Where the datasets of a run are. Its jobs run there. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_bigquery_softdelete.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping


def common_location(found: Mapping[str, str], wanted: str | None) -> str | None:
    """Return the location of all datasets; None if there is none yet, and none is wanted.

    Args:
        found: The location of each dataset that exists, by its full name.
        wanted: The setting `location`.

    Raises:
        PluginError: If they are not in one location, or not in the one that is wanted.
    """
    for name, location in found.items():
        if wanted and location.casefold() != wanted.casefold():
            raise PluginError(
                f"The dataset `{name}` is in {location}, and the setting `location` says {wanted}. Nothing was "
                f"written. A dataset stays where it was created: set `location` to {location}, or use another dataset."
            )
    first = next(iter(found), None)
    for name, location in found.items():
        if first and location.casefold() != found[first].casefold():
            raise PluginError(
                f"The dataset `{first}` is in {found[first]}, and `{name}` is in {location}. Nothing was written. No "
                "statement reaches tables in two locations: use datasets in one of them."
            )
    return found[first] if first else wanted
