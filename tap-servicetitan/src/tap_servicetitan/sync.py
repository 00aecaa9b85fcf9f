"""Reads the selected streams, several at once, and reports how each of them ended."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tap_servicetitan.errors import NothingReadableError, RunCancelledError, StreamError
from tap_servicetitan.plugin_runtime.errors import PluginError
from tap_servicetitan.plugin_runtime.plurals import pluralize
from tap_servicetitan.progress import show_progress
from tap_servicetitan.streams.base import ServiceTitanStream
from tap_servicetitan.streams.outcome import ReadStatus
from tap_servicetitan.streams.report import ReportStream

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Sequence

    from singer_sdk import Stream

    from tap_servicetitan.concurrency.cancellation import Cancellation
    from tap_servicetitan.streams.context import StreamContext


def selected_streams(streams: Iterable[Stream]) -> list[ServiceTitanStream]:
    """Return the selected streams in the order in which to read them."""
    selected = [stream for stream in streams if isinstance(stream, ServiceTitanStream) and stream.selected]
    # Reports come last: they mostly wait, and no other stream should wait for that. So do streams that the last run did
    # not get done with: where streams are read one after the other, those behind them would never be read.
    return sorted(selected, key=lambda stream: (stream.goes_on, isinstance(stream, ReportStream)))


def sync_streams(
    streams: Sequence[ServiceTitanStream],
    context: StreamContext,
    cancellation: Cancellation,
    logger: logging.Logger,
    *,
    began: float,
) -> None:
    """Read streams, several at once. One that fails does not stop the others, nor does one that takes too long.

    Args:
        streams: The selected streams.
        context: What they share.
        cancellation: Is set when the run ends early.
        logger: Takes a line per stream, at the end.
        began: When the run began, by the monotonic clock.

    Raises:
        SignInRefusedError: If the API no longer accepts the credentials. The run ends at once.
        PluginError: At the end, if a stream failed, was not read to its end, or none could be read.
    """
    most_seconds = context.settings.max_read_seconds
    failures: dict[str, str] = {}

    def read(stream: ServiceTitanStream) -> None:
        failure = _read(stream, logger)
        with context.writer.lock:  # after the end of the output it is told no more, and does not count
            stream.tell_end(failure)
            if failure is not None:
                failures[stream.name] = failure

    try:
        with show_progress(streams, logger):
            is_done = context.turns.run(
                [partial(read, stream) for stream in streams],
                [stream.spec.area for stream in streams],
                until=None if most_seconds is None else began + most_seconds,
            )
        if not is_done:
            _end_early(streams, context, f"the time was up after {most_seconds} s (setting `max_read_seconds`)")
            cancellation.set()
    except BaseException:
        # Abandoned workers must not write any more, and must not be inside a line when the process ends.
        cancellation.set()
        context.writer.close()
        raise
    _log_outcomes(streams, failures, logger)
    _raise_failures(streams, failures, context.settings.tenant_id)


def _end_early(streams: Iterable[ServiceTitanStream], context: StreamContext, reason: str) -> None:
    """End the output here. Streams that are still being read are told to be incomplete.

    A stream changes its state only while it holds the lock, after the records that the state covers. So wherever its
    thread is, the output is right without what it would have written next, and nothing has to wait for that thread.
    """
    with context.writer.lock:
        for stream in streams:
            if not stream.has_ended:
                stream.cut(reason)
        context.writer.shut()


def _read(stream: ServiceTitanStream, logger: logging.Logger) -> str | None:
    """Read a stream, and return why it failed, if it did."""
    try:
        stream.read()
    except StreamError as error:
        return str(error)
    except (PluginError, OSError, RunCancelledError):
        # These concern every stream: refused credentials, for example, or a closed output.
        raise
    except Exception as error:
        logger.debug("Where it happened:", exc_info=error)
        return f"unexpected {type(error).__name__}: {error}"
    return None


def _log_outcomes(streams: Iterable[ServiceTitanStream], failures: dict[str, str], logger: logging.Logger) -> None:
    for stream in streams:
        if stream.name in failures:
            continue
        if stream.outcome.status is ReadStatus.COMPLETE:
            logger.info("%s: %s", stream.name, pluralize(stream.outcome.records, "record"))
        else:
            logger.warning("%s: %s: %s", stream.name, stream.outcome.status.value, stream.outcome.reason)
    for stream in streams:
        if stream.name in failures:
            logger.error("%s: failed: %s", stream.name, failures[stream.name])


def _raise_failures(streams: Sequence[ServiceTitanStream], failures: dict[str, str], tenant_id: str) -> None:
    failed = [stream.name for stream in streams if stream.name in failures]
    incomplete = [stream.name for stream in streams if stream.outcome.status is ReadStatus.INCOMPLETE]
    all_streams = pluralize(len(streams), "stream")
    if failed:
        raise PluginError(f"{len(failed)} of {all_streams} failed: {', '.join(failed)}")
    if incomplete:
        verb = "is" if len(incomplete) == 1 else "are"
        raise PluginError(f"{len(incomplete)} of {all_streams} {verb} incomplete: {', '.join(incomplete)}")
    if streams and all(stream.outcome.status is ReadStatus.SKIPPED for stream in streams):
        raise NothingReadableError(tenant_id, all_streams)
