"""Ticks are converted to ISO 8601 and back without loss."""

from __future__ import annotations

import pytest

from servicetitan_sandbox.servicetitan.data import ticks


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2024-02-29T01:02:03.1234567Z", "2024-02-29T01:02:03.1234567Z"),
        ("2024-02-29T01:02:03.5000Z", "2024-02-29T01:02:03.5Z"),
        ("2024-02-29T01:02:03", "2024-02-29T01:02:03Z"),
        ("2024-02-29T03:02:03+02:00", "2024-02-29T01:02:03Z"),
        ("2024-02-29", "2024-02-29T00:00:00Z"),
        ("0001-01-01T00:00:00", "0001-01-01T00:00:00Z"),
    ],
)
def test_a_text_survives_the_conversion_to_ticks(text: str, shown: str) -> None:
    assert ticks.to_text(ticks.from_text(text)) == shown
