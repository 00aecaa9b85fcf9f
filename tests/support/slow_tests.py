"""Which tests only `make test-slow` runs, so that `make test` stays within a quarter of an hour."""

from __future__ import annotations

from pathlib import Path

LIST = Path(__file__).parents[1] / "slow.txt"


def read() -> frozenset[str]:
    """Return the node ids of the slow tests."""
    return frozenset(line for line in LIST.read_text().splitlines() if line and not line.startswith("#"))
