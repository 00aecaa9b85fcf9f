"""The SDK stream of a list that is read whole on every run."""

from __future__ import annotations

from tap_servicetitan.plugin_runtime.clock import utc_now
from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.replication.bookmark import Bookmark
from tap_servicetitan.streams.base import milliseconds, utc_text
from tap_servicetitan.streams.list import ListStream


class SnapshotStream(ListStream):
    """A list without a way to ask for changes."""

    @override
    def _read(self) -> None:
        started = utc_now()
        version = milliseconds(started)
        if self._write_list(Bookmark(), started, version=version):
            self._activate(version)
            self._save({"snapshot_at": utc_text(started)})
