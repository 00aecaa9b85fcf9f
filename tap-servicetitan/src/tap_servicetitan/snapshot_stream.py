"""The SDK stream of a list."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from plugin_runtime.compat import override
from tap_servicetitan.ahead import read_ahead
from tap_servicetitan.snapshot import MOST_PASSES, PassCheck, read_list
from tap_servicetitan.stream import Ending, ServiceTitanStream, utc_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_servicetitan.pages import ListPage


class SnapshotStream(ServiceTitanStream):
    """A list that is read whole on every run.

    All passes of a run share one version, so what any of them showed counts as present. A row that is deleted between
    two of them is found by the next run.
    """

    @override
    def _read(self) -> None:
        version = time.time_ns() // 1_000_000
        problem: str | None = ""
        for attempt in range(1, MOST_PASSES + 1):
            problem = self._pass(version)
            if problem is None:
                self._write_activate_version_message(version)
                self._save({"snapshot_at": utc_text(version / 1000)})
                return
            self.logger.warning("%s: pass %d of %d may have missed rows: %s", self.name, attempt, MOST_PASSES, problem)
        self.outcome.ending, self.outcome.reason = Ending.UNSETTLED, f"the list kept changing: {problem}"

    def _pass(self, version: int) -> str | None:
        check = PassCheck(sorted_by_key=self.spec.sorted_by_key)
        for page in read_ahead(self._pages()):
            check.add(page)
            self._write_page(page, version)
        return check.problem()

    @override
    def _pages(self) -> Iterator[ListPage]:
        return read_list(self._fetch)

    def _fetch(self, number: int) -> ListPage:
        params = {
            "page": str(number),
            "pageSize": str(self._settings.page_size),
            "includeTotal": "true",
            **self.spec.query,
        }
        return self._client.get(self.spec.list_path or "", params, self._decoder.list_page)
