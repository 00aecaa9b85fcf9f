"""Decides whether a snapshot may mark rows deleted. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from target_bigquery_softdelete.plugin_runtime.errors import PluginError


class DeletesRefusedError(PluginError):
    """A snapshot would have marked too many rows deleted. Everything else of the stream has landed."""


@dataclass(frozen=True)
class DeleteLimits:
    """How much one snapshot may mark deleted. It is refused when it passes both numbers."""

    fraction: float
    """Share of the live rows of a table, 0 to 1 (setting `max_delete_fraction`)."""
    rows: int
    """Rows of a table (setting `max_delete_rows`)."""
    lifted: bool = False
    """Whether every number is allowed for this run (setting `allow_mass_delete`)."""


def refusal(limits: DeleteLimits, *, stream: str, live: int, missing: int, staged: int) -> str | None:
    """Return why a complete snapshot may not mark its missing rows deleted, or nothing when it may.

    Args:
        limits: The limits in force.
        stream: Name of the stream.
        live: Rows of the table that are not marked deleted.
        missing: Those of them that the snapshot does not contain.
        staged: Keys that the snapshot contains.
    """
    if limits.lifted or not missing:
        return None
    advice = "No row was marked. If that is right, run once with `allow_mass_delete` set to true."
    if not staged:
        return f"{stream}: the snapshot is empty, but the table has {live} live rows. {advice}"
    if missing > limits.rows and missing > limits.fraction * live:
        return (
            f"{stream}: the snapshot would mark {missing} of {live} live rows deleted, more than "
            f"`max_delete_rows` ({limits.rows}) and `max_delete_fraction` ({limits.fraction:g}) allow. {advice}"
        )
    return None
