"""Finishes a stream, in a thread of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_bigquery_softdelete.context import Run
    from target_bigquery_softdelete.sink import BigQuerySoftDeleteSink

MOST_THREADS = 200
"""Streams that are merged at the same time. A thread only waits, for its turn or for BigQuery, which does the work."""


def finish_sink(run: Run, sink: BigQuerySoftDeleteSink) -> BigQuerySoftDeleteSink:
    """Merge the rest of a stream, and return it. It is one of those that `run.warehouse.fused` expects."""
    with run.warehouse.fused.one_stream(), run.stopwatch.finishing():
        sink.finish()
    return sink
