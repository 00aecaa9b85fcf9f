"""A number agrees with its noun."""

from __future__ import annotations

import pytest

from target_bigquery_softdelete.plugin_runtime.plurals import pluralize


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [
        (0, "row", "0 rows"),
        (1, "row", "1 row"),
        (2, "live row", "2 live rows"),
        (1200, "row", "1,200 rows"),
        (1, "company", "1 company"),
        (3, "company", "3 companies"),
        (5, "retry", "5 retries"),
        (14, "day", "14 days"),
        (2, "key", "2 keys"),
    ],
)
def test_a_number_agrees_with_its_noun(count: int, noun: str, text: str) -> None:
    assert pluralize(count, noun) == text
