"""The condition by which a statement marks only rows in some ranges of a column. Pure functions that return text.

Alias: `_etl_t` is the target table.
"""

from __future__ import annotations

from dataclasses import dataclass

from target_bigquery_softdelete.sql.identifiers import quote_column


@dataclass(frozen=True)
class RowRanges:
    """Ranges of a column. A row without a value is in none of them."""

    column: str
    """Name of the column."""
    bounds: tuple[tuple[bool, bool], ...]
    """For each range, whether it has a lower and an upper bound."""
    are_times: bool = False
    """Whether the lower bounds belong to the ranges, and the upper ones do not. Otherwise it is the other way round."""

    @property
    def condition(self) -> str:
        """The condition for a row in one of the ranges. The bounds are the parameters of :func:`bound_name`."""
        name = quote_column(self.column, of="_etl_t")
        low, high = (">=", "<") if self.are_times else (">", "<=")
        ranges = [
            " AND ".join(
                [
                    *([f"{name} {low} @{bound_name(number, is_upper=False)}"] if has_low else []),
                    *([f"{name} {high} @{bound_name(number, is_upper=True)}"] if has_high else []),
                ]
            )
            or f"{name} IS NOT NULL"
            for number, (has_low, has_high) in enumerate(self.bounds)
        ]
        return f"({' OR '.join(ranges)})"


def bound_name(number: int, *, is_upper: bool) -> str:
    """Return the name of the parameter with a bound of a range, by the position of the range."""
    return f"swept_{'high' if is_upper else 'low'}_{number}"
