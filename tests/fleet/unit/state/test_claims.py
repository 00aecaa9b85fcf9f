"""A claim is given up in time for its holder's processes to end."""

from __future__ import annotations

from servicetitan_fleet.meltano.process import GRACE_SECONDS
from servicetitan_fleet.state.claims import LIFETIME, RENEWAL_SECONDS, RETRY_SECONDS, STOP_SECONDS


def test_processes_have_time_to_end_and_a_renewal_can_fail_more_than_once() -> None:
    assert STOP_SECONDS >= GRACE_SECONDS + 12
    assert LIFETIME.total_seconds() - STOP_SECONDS > 2 * RENEWAL_SECONDS + RETRY_SECONDS
