"""Ends a run: merge every stream, write STATE and the audit log, report failures, drop stale staging tables."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from target_bigquery_softdelete.audit.stream_report import StreamReport
from target_bigquery_softdelete.plugin_runtime.clock import utc_now
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.plugin_runtime.plurals import pluralize
from target_bigquery_softdelete.run.finish import MOST_THREADS, finish_sink
from target_bigquery_softdelete.schema.naming import table_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from target_bigquery_softdelete.context import Run
    from target_bigquery_softdelete.run.checkpoints import Checkpoints
    from target_bigquery_softdelete.run.failures import RunFailures
    from target_bigquery_softdelete.run.refused_streams import RefusedStreams
    from target_bigquery_softdelete.singer.read_ends import ReadEnds
    from target_bigquery_softdelete.sink import BigQuerySoftDeleteSink

logger = logging.getLogger(__name__)


def finalize(  # noqa: PLR0913 - all that a run has at its end
    run: Run,
    sinks: Sequence[BigQuerySoftDeleteSink],
    checkpoints: Checkpoints,
    failures: RunFailures,
    *,
    done: Collection[str] = (),
    refused: RefusedStreams,
    read_ends: ReadEnds,
    cut_off: PluginError | None,
) -> None:
    """Merge every stream, write the last STATE and the audit log, and clean up.

    Args:
        run: The run.
        sinks: The sinks of all streams.
        checkpoints: Those of the run.
        failures: What failed before, outside the streams.
        done: The names of those sinks that are finished, because their streams ended early.
        refused: The streams that have no sink because a message of theirs cannot be used.
        read_ends: What the messages say about the ends of their streams.
        cut_off: The error of an input that ended in the middle of a line.

    Raises:
        PluginError: If anything failed. Everything that could be written is written.
    """
    left = [sink for sink in sinks if sink.stream_name not in done]
    run.warehouse.fused.expect(len(left))
    with ThreadPoolExecutor(max(1, min(len(left), MOST_THREADS)), "merge") as executor:
        for sink in executor.map(lambda sink: finish_sink(run, sink), left):
            sink.report.note_end(read_ends.worst_of(sink.sources))
            logger.info("%s", sink.report.summary())
    spent = run.stopwatch.read()
    checkpoints.record_rejections(sinks)
    checkpoints.mark_written(sinks)
    with ThreadPoolExecutor(run.settings.parallel_jobs, "end") as executor:  # STATE does not wait for them
        reports = [*(sink.report for sink in sinks), *refused.end_reports(read_ends)]
        reports += _reports_without_records(run, {*_sources(sinks), *(report.stream for report in reports)}, read_ends)
        log = executor.submit(run.write_reports, reports, spent)
        drops = [executor.submit(sink.clean_up) for sink in left]
        checkpoints.write_state()
        failures.attempt(log.result)
        for drop in drops:
            drop.result()
    _warn_of_unknown_stream_names(run, sinks, refused.names)
    stream_errors = [*refused.errors, *(sink.error for sink in sinks if sink.error)]
    _raise_failures([*failures.errors, *stream_errors, *([cut_off] if cut_off else [])])
    _drop_stale_staging(run)


def _sources(sinks: Sequence[BigQuerySoftDeleteSink]) -> set[str]:
    return {source for sink in sinks for source in sink.sources}


def _reports_without_records(run: Run, known: Collection[str], read_ends: ReadEnds) -> Iterator[StreamReport]:
    """Yield the reports of the streams of which the tap has only said how they ended."""
    for stream, end in read_ends.said().items():
        if stream not in known:
            table = run.warehouse.table_id(table_name(stream))
            report = StreamReport(stream, str(table), ended=utc_now(), dry_run=run.settings.dry_run)
            report.note_end(end)
            yield report


def _warn_of_unknown_stream_names(run: Run, sinks: Sequence[BigQuerySoftDeleteSink], refused: Iterable[str]) -> None:
    streams = {*(sink.stream_name for sink in sinks), *refused}
    unknown = run.settings.unknown_stream_names(streams, _sources(sinks))
    if unknown and sinks:
        logger.warning(
            "the settings name streams that were not in the input: %s. Check the spelling.",
            "; ".join(f"`{setting}`: {', '.join(names)}" for setting, names in unknown.items()),
        )


def _raise_failures(errors: list[PluginError]) -> None:
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise PluginError(f"{len(errors)} things went wrong: see the lines above, and the table `etl_logs`.")


def _drop_stale_staging(run: Run) -> None:
    try:
        # A run that needed no staging table leaves them to one that does, or to their expiration.
        removed = run.warehouse.drop_stale_staging() if run.warehouse.has_staged else 0
    except PluginError as error:
        logger.warning("%s", error)  # no harm: all rows are in their tables, and staging tables expire
        return
    if removed:
        logger.info("removed %s that earlier runs had left behind", pluralize(removed, "staging table"))
