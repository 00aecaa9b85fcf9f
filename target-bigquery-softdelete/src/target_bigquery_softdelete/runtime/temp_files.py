"""The temporary folder, and errors of its disk as one line that says what to do."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from target_bigquery_softdelete.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator


def make_temporary_folder() -> Path:
    """Create a temporary folder: in `TMPDIR` if that is set, even where Python would choose another place.

    Raises:
        PluginError: If it cannot be created.
    """
    place = os.environ.get("TMPDIR") or None
    try:
        return Path(tempfile.mkdtemp(prefix="target-bigquery-", dir=place))
    except OSError as error:
        raise PluginError(
            f"The temporary folder {f'`{place}` ' if place else ''}cannot be used: {error.strerror or error}. "
            "Set TMPDIR to a folder that can be written to."
        ) from error


@contextmanager
def name_disk_errors(folder: Path, name: str) -> Iterator[None]:
    """Turn an error of the disk, such as a full one, into an error that names the folder.

    Args:
        folder: The temporary folder.
        name: Name of the stream or table that is written, for the error.

    Raises:
        PluginError: If writing fails.
    """
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise PluginError(
            f"{name}: cannot write to the temporary folder `{folder}`: {reason}. Make room there, or set TMPDIR to "
            "another folder."
        ) from error
