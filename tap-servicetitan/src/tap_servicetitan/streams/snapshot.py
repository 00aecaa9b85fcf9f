"""Streams from a list that is read in full on every run."""

from __future__ import annotations

from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.streams.base import new_version
from tap_servicetitan.streams.list import ListStream
from tap_servicetitan.times import format_state_time


class SnapshotStream(ListStream):
    """A list without a filter by time of change."""

    @override
    def _read(self) -> None:
        began = self._now
        version = new_version()
        self._write_list(version)
        self._settle(version)
        if self._is_complete:
            self._activate(version, lambda: self._save({"snapshot_at": format_state_time(began)}))
