"""What all streams of one run share."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from target_bigquery_softdelete.audit import now

if TYPE_CHECKING:
    from target_bigquery_softdelete.settings import Settings
    from target_bigquery_softdelete.warehouse import Warehouse

PARALLEL_LOADS = 4
PARALLEL_STREAMS = 8
"""Streams that are merged at the same time. The work is BigQuery's; a thread only waits for it."""


def new_run_id() -> str:
    """Return the name of a run: its time (UTC), so that names sort, and eight random digits.

    It becomes part of job ids and table names, so it holds letters, digits and underscores only.
    """
    return f"{now():%Y%m%dT%H%M%S}_{uuid.uuid4().hex[:8]}"


@dataclass
class Run:
    """One run of the target."""

    run_id: str
    settings: Settings
    warehouse: Warehouse
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="target-bigquery-")))
    loads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(PARALLEL_LOADS, "load"))

    def close(self) -> None:
        """Stop the threads and remove the local files."""
        self.loads.shutdown(wait=False, cancel_futures=True)
        shutil.rmtree(self.folder, ignore_errors=True)
