"""Checks for `--test` which API modules the app may read."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import msgspec

from tap_servicetitan.errors import RequestRefusedError, StreamError
from tap_servicetitan.specs.spec import ResponseFormat

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from tap_servicetitan.api.client import ApiClient
    from tap_servicetitan.specs.spec import StreamSpec


@dataclass(frozen=True, slots=True)
class ModuleAccess:
    """Whether the app may read a module."""

    module: str
    streams: Sequence[str]
    """The selected streams of the module."""
    problem: str | None = None
    """Why the module cannot be read; None if it can."""


def check_modules(
    client: ApiClient, specs: Sequence[StreamSpec], selected: Sequence[StreamSpec], today: date
) -> Iterator[ModuleAccess]:
    """Send one small request to each module, and yield whether the module can be read.

    Args:
        client: The API of the tenant.
        specs: All specs. Any of them may stand for its module, if each selected stream in it needs a parent's key.
        selected: The specs of the selected streams.
        today: The day to read export feeds from.

    Raises:
        SignInRefusedError: If the credentials are not accepted.
    """
    for module, group in groupby(sorted(selected, key=lambda spec: spec.module), key=lambda spec: spec.module):
        members = list(group)
        names = [spec.name for spec in members]
        probe = find_probe([*members, *(spec for spec in specs if spec.module == module)])
        yield ModuleAccess(module, names, _problem(client, probe, today))


def find_probe(specs: Sequence[StreamSpec]) -> StreamSpec | None:
    """Return the first spec that can be read without a parent's key: a list if possible, as its page can be small."""
    roots = [spec for spec in specs if spec.parent is None]
    return next((spec for spec in roots if spec.list_path), roots[0] if roots else None)


def _problem(client: ApiClient, probe: StreamSpec | None, today: date) -> str | None:
    if probe is None:
        return "not tested, because each stream in it needs the key of a record of another module"
    path, params = small_request(probe, today)
    try:
        client.get(path, params, msgspec.json.Decoder(msgspec.Raw).decode)
    except RequestRefusedError as error:
        return f"{error} (check the app's scopes, and that the tenant has the module)"
    except StreamError as error:
        return str(error)
    return None


def small_request(spec: StreamSpec, today: date) -> tuple[str, dict[str, str]]:
    """Return the path and parameters of the smallest request that shows whether a stream can be read."""
    if spec.list_path is None:
        return spec.paths[0], {"from": str(today)}
    paged = {"page": "1", "pageSize": "1"} if spec.response_format is ResponseFormat.PAGES else {}
    return spec.list_path, {**paged, **spec.query}
