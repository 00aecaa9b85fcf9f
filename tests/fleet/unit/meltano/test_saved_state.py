"""A state that Meltano could not save is noticed, although Meltano ends with 0."""

from __future__ import annotations

import pytest

from servicetitan_fleet.meltano.log_lines import LogLine
from servicetitan_fleet.meltano.saved_state import PROBLEM, StateWatch

SAVED = "Incremental state has been updated at 2026-11-29 02:00:00+00:00."
LOST = "Failed to persist incremental state to the configured backend"
NO_DATABASE = "Failed to persist job to the system database: disk full"


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        ([], ""),
        ([SAVED], ""),
        ([SAVED, LOST], PROBLEM),
        ([LOST, SAVED], ""),
        ([NO_DATABASE, SAVED], ""),
        ([NO_DATABASE], PROBLEM),
        (["Running outside a Job context: incremental state could not be updated."], PROBLEM),
    ],
)
def test_the_last_word_about_the_state_counts(messages: list[str], problem: str) -> None:
    watch = StateWatch()
    for message in messages:
        watch.add(LogLine(message=message))
    assert watch.problem == problem
