"""Checks for `--test` which of the selected streams the app may read, with a small request or two for each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

import msgspec

from tap_servicetitan.api.pages import NoKey
from tap_servicetitan.days import query_of_day
from tap_servicetitan.errors import NothingReadableError, RequestRefusedError, StreamError
from tap_servicetitan.plugin_runtime.errors import PluginError
from tap_servicetitan.plugin_runtime.plurals import pluralize
from tap_servicetitan.replication.list_reader import list_decoder, list_path, page_decoder
from tap_servicetitan.specs.spec import ReplicationKind, ResponseFormat
from tap_servicetitan.streams.base import MODULE_MISSING

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator, Sequence
    from datetime import date

    from tap_servicetitan.api.client import ApiClient
    from tap_servicetitan.api.pages import Key
    from tap_servicetitan.specs.spec import StreamSpec
    from tap_servicetitan.streams.base import ServiceTitanStream
    from tap_servicetitan.streams.context import StreamContext

_raw = msgspec.json.Decoder(msgspec.Raw).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Whether the app may read a stream."""

    stream: str
    module: str
    problem: str | None = None
    """Why it cannot be read; None if it can."""
    is_missing: bool = False
    """Whether that is because the app lacks a scope, or the tenant the module."""
    untested: str | None = None
    """Why nothing is known; None if something is."""


def check_access(
    streams: Sequence[ServiceTitanStream], context: StreamContext, logger: logging.Logger, today: date
) -> None:
    """Check each stream, several at the same time, and log what the app may read.

    Args:
        streams: The selected streams.
        context: What they share.
        logger: Takes a line for each module, or for each stream if those of a module differ.
        today: The day to read export feeds from.

    Raises:
        SignInRefusedError: If the credentials are not accepted.
        NothingReadableError: If nothing can be read.
        PluginError: If a run would fail for some of the streams.
    """
    found: dict[str, Access] = {}

    def check(stream: ServiceTitanStream) -> None:
        source = stream.source if stream.spec.parent else None
        found[stream.name] = check_stream(context.client, stream.spec, source, today)

    context.turns.run([partial(check, stream) for stream in streams], [stream.spec.area for stream in streams])
    checked = [found[stream.name] for stream in streams]
    _log(checked, logger)
    if checked and all(access.problem for access in checked):
        raise NothingReadableError(context.settings.tenant_id, pluralize(len(checked), "stream"))
    fails_missing = context.settings.on_missing_module == "fail"
    failing = [access for access in checked if access.problem and (fails_missing or not access.is_missing)]
    if failing:
        failing.sort(key=lambda access: access.stream)
        names = ", ".join(access.stream for access in failing)
        first = f"{'' if len(failing) == 1 else 'the first: '}{failing[0].problem}"
        raise PluginError(f"{len(failing)} of {pluralize(len(checked), 'stream')} cannot be read: {names} ({first})")


def check_stream(client: ApiClient, spec: StreamSpec, source: StreamSpec | None, today: date) -> Access:
    """Send one small request to each path of a stream, and return whether it can be read.

    Args:
        client: The API of the tenant.
        spec: The stream.
        source: The parent of a child stream. The list of its first record is asked for.
        today: The day to read export feeds from.

    Raises:
        SignInRefusedError: If the credentials are not accepted.
    """
    try:
        if source is None:
            requests = list(small_requests(spec, today))
        else:
            parent = _first_key(client, source, today)
            if parent is None:
                return Access(stream=spec.name, module=spec.module, untested=f"there is no record of {source.name}")
            requests = [(list_path(spec, parent), _small_page(spec, today))]
        for path, params in requests:
            _ask(client, spec, path, params)
    except RequestRefusedError as error:
        is_missing = error.status in MODULE_MISSING
        advice = " (check the app's scopes, and that the tenant has the module)" if is_missing else ""
        return Access(stream=spec.name, module=spec.module, problem=f"{error}{advice}", is_missing=is_missing)
    except StreamError as error:
        return Access(stream=spec.name, module=spec.module, problem=str(error))
    return Access(stream=spec.name, module=spec.module)


def small_requests(spec: StreamSpec, today: date) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield path and parameters of the smallest requests that show whether a stream without a parent can be read."""
    if spec.list_path and (spec.kind is not ReplicationKind.FEED or spec.full_pass == "list"):  # noqa: S105 - no secret
        yield spec.list_path, _small_page(spec, today)
    if spec.export_path:
        yield spec.export_path, {"from": str(today)}


def _ask(client: ApiClient, spec: StreamSpec, path: str, params: dict[str, str]) -> None:
    if spec.body is None:
        client.get(path, params, _raw)
    else:
        client.post(path, {}, msgspec.json.encode({**spec.body, **params}), _raw)


def _small_page(spec: StreamSpec, today: date) -> dict[str, str]:
    paged = {"page": "1", "pageSize": "1"} if spec.response_format is ResponseFormat.PAGES else {}
    day = today if spec.period is None or spec.period.is_ahead else today - timedelta(days=1)
    return {**paged, **spec.query, **(query_of_day(spec.period, day) if spec.period else {})}


def _first_key(client: ApiClient, spec: StreamSpec, today: date) -> Key | None:
    """Return the key of a record, if there is one."""
    if spec.list_path:
        page = client.get(spec.list_path, _small_page(spec, today), list_decoder(spec))
        keys = page.keys
    else:
        keys = client.get(spec.export_path or "", dict(spec.export_query), page_decoder(spec).export_page).keys
    return next((key for key in keys if not isinstance(key, NoKey)), None)


def _log(checked: Sequence[Access], logger: logging.Logger) -> None:
    by_module = attrgetter("module")
    for module, group in groupby(sorted(checked, key=by_module), key=by_module):
        _log_module(module, sorted(group, key=attrgetter("stream")), logger)


def _log_module(module: str, checked: Sequence[Access], logger: logging.Logger) -> None:
    """Log what can be read of a module, and one line for all that cannot, if it is for lack of the module."""
    good = [access.stream for access in checked if not access.problem and not access.untested]
    bad = [access for access in checked if access.problem]
    if good:
        logger.info("%s: can be read: %s", module, ", ".join(good))
    elif bad and all(access.is_missing for access in bad):
        names = ", ".join(access.stream for access in bad)
        logger.warning("%s: cannot be read: %s; needed by %s", module, bad[0].problem, names)
        bad = []
    for access in bad:
        logger.warning("%s: cannot be read: %s", access.stream, access.problem)
    for access in checked:
        if access.untested:
            logger.info("%s: not tested: %s", access.stream, access.untested)
