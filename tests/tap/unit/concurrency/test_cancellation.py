"""Cancelling a run ends every pause."""

from __future__ import annotations

import threading

import pytest

from tap_servicetitan.concurrency.cancellation import Cancellation
from tap_servicetitan.errors import RunCancelledError


def test_a_pause_ends_when_the_run_does() -> None:
    cancellation = Cancellation()
    cancellation.sleep(0)
    threading.Timer(0.05, cancellation.set).start()
    with pytest.raises(RunCancelledError):
        cancellation.sleep(60)
