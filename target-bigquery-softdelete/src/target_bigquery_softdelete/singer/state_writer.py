"""Writes STATE messages to standard output."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from target_bigquery_softdelete.plugin_runtime.command import drop_stdout
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.singer.lenient_json import encode_record

if TYPE_CHECKING:
    from target_bigquery_softdelete.singer.state import State


def write_state(state: State) -> None:
    """Write a state as one line, and flush it.

    Raises:
        PluginError: If it cannot be written. The rows that it covers are in their tables, and the next run reads them
            again.
    """
    line = f"{encode_record(state).decode()}\n"
    try:
        _stdout().write(line)
        _stdout().flush()
    except (OSError, ValueError) as error:
        drop_stdout()
        raise PluginError(
            f"STATE cannot be written to the standard output: {getattr(error, 'strerror', None) or error}. The rows "
            "are in their tables. The next run reads them again, from the last state that was written."
        ) from error


def _stdout() -> Any:  # noqa: ANN401 - None if it was closed before the start
    if sys.stdout is None:
        raise ValueError("it is closed")
    return sys.stdout
