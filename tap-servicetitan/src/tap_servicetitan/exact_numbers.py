"""Which numbers an exact column of BigQuery has room for. Pure."""

from __future__ import annotations

from decimal import Decimal

MOST_DIGITS = 38
"""Digits before and after the point (https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types)."""


def fits_exactly(number: int | Decimal | str) -> bool:
    """Return whether a finite number, or the text of one, can be stored without losing a digit."""
    exact = Decimal(number)
    return exact.adjusted() < MOST_DIGITS and -int(exact.as_tuple().exponent) <= MOST_DIGITS
