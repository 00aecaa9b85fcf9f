"""Streams from a list that is read in full on every run."""

from __future__ import annotations

from tap_servicetitan.plugin_runtime.clock import utc_now
from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.replication.bookmark import Bookmark
from tap_servicetitan.replication.times import epoch_milliseconds, format_state_time
from tap_servicetitan.streams.list import ListStream


class SnapshotStream(ListStream):
    """A list without a filter by time of change."""

    @override
    def _read(self) -> None:
        started = utc_now()
        version = epoch_milliseconds(started)
        if self._write_list(Bookmark(), started, version=version):
            self._activate(version)
            self._save({"snapshot_at": format_state_time(started)})
