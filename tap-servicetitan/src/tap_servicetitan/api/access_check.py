"""What `--test` asks: may the app read the modules that the selected streams belong to?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import msgspec

from tap_servicetitan.errors import RequestRefusedError, StreamError
from tap_servicetitan.specs import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from tap_servicetitan.api.client import ApiClient
    from tap_servicetitan.specs import StreamSpec


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one module."""

    module: str
    streams: Sequence[str]
    """The streams that were asked about."""
    problem: str | None = None
    """Why the module cannot be read; None when it can."""


def ask_modules(
    client: ApiClient, specs: Sequence[StreamSpec], selected: Sequence[StreamSpec], today: date
) -> Iterator[Finding]:
    """Send one small request to each module, and yield what came of it.

    Args:
        client: The API of the tenant.
        specs: All rows. A module is asked by any of them when every selected stream in it needs a parent's key.
        selected: The rows of the streams that are to be read.
        today: The day that export feeds are asked from.

    Raises:
        SignInRefusedError: If the credentials are not accepted.
    """
    for module, rows in groupby(sorted(selected, key=lambda spec: spec.module), key=lambda spec: spec.module):
        members = list(rows)
        names = [spec.name for spec in members]
        probe = find_probe([*members, *(spec for spec in specs if spec.module == module)])
        yield Finding(module, names, _problem(client, probe, today))


def find_probe(rows: Sequence[StreamSpec]) -> StreamSpec | None:
    """Return the first row that can be asked for without a parent's key: a list, since it can be cut to one record."""
    roots = [spec for spec in rows if spec.parent is None]
    return next((spec for spec in roots if spec.list_path), roots[0] if roots else None)


def _problem(client: ApiClient, probe: StreamSpec | None, today: date) -> str | None:
    if probe is None:
        return "not tested, because everything in it needs the key of a record of another module"
    path, params = small_request(probe, today)
    try:
        client.get(path, params, msgspec.json.Decoder(msgspec.Raw).decode)
    except RequestRefusedError as error:
        return f"{error} (check the app's scopes, and that the tenant has the module)"
    except StreamError as error:
        return str(error)
    return None


def small_request(spec: StreamSpec, today: date) -> tuple[str, dict[str, str]]:
    """Return path and parameters of the smallest request that shows whether a stream can be read."""
    if spec.list_path is None:
        return spec.paths[0], {"from": str(today)}
    paged = {"page": "1", "pageSize": "1"} if spec.answer is Answer.PAGES else {}
    return spec.list_path, {**paged, **spec.query}
