"""What BigQuery bills, in US dollars. Pure."""

from __future__ import annotations

PRICE_PER_TIB = 6.25
"""US dollars for a TiB of queries: on demand, United States. https://cloud.google.com/bigquery/pricing"""

_TIB = 2**40
_LEAST = 0.01


def cost(bytes_billed: int, price_per_tib: float) -> float:
    """Return what bytes cost, in US dollars."""
    return bytes_billed / _TIB * price_per_tib


def format_cost(dollars: float) -> str:
    """Format an amount: `$1.25`, `$0`, `< $0.01`."""
    if dollars <= 0:
        return "$0"
    return f"${dollars:,.2f}" if dollars >= _LEAST else "< $0.01"
