"""Decides whether a snapshot may mark rows deleted. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_bigquery_softdelete.config.options import DeleteLimits


def refusal(limits: DeleteLimits, *, stream: str, live: int, missing: int, staged: int) -> str | None:
    """Return why a complete snapshot may not mark missing rows deleted, or nothing when it may.

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
