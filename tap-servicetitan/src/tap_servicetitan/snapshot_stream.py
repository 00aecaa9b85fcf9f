"""The SDK stream of a list that is read whole on every run."""

from __future__ import annotations

from datetime import UTC, datetime

from plugin_runtime.compat import override
from tap_servicetitan.bookmark import Bookmark
from tap_servicetitan.list_stream import ListStream
from tap_servicetitan.stream import milliseconds, utc_text


class SnapshotStream(ListStream):
    """A list without a way to ask for changes."""

    @override
    def _read(self) -> None:
        started = datetime.now(UTC)
        version = milliseconds(started)
        if self._write_list(Bookmark(), started, version=version):
            self._activate(version)
            self._save({"snapshot_at": utc_text(started)})
