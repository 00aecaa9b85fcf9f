"""What a run takes over of rows that this target did not write. It is only kept here; `take_over.py` does it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt

ADOPTING, ADOPTING_LABEL = "adopting", {"adopting": "true"}
"""Label of a table from when it gets our columns to the end of the run that takes it over: when that run dies, the next
one goes on with it."""


@dataclass
class Adoption:
    """What one run takes over into one table."""

    is_running: bool = False
    """Whether this run takes the table over. Then it marks no row deleted for being missing."""
    is_labelled: bool = False
    """Whether the table has the label that says so."""
    taken_at: list[dt.datetime] = field(default_factory=list)
    """The `_etl_synced` that rows got which somebody added to our table. This run does not mark them, either."""
