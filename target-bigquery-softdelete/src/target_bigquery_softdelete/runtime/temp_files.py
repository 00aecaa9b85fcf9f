"""The temporary folder, and what goes wrong with it, as one line that says what to do."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from target_bigquery_softdelete.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator


def temporary_folder() -> Path:
    """Return a new folder: in `TMPDIR` where that is set, also when Python would rather go elsewhere.

    Raises:
        PluginError: If there is none to be had.
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
def writing(folder: Path, what: str) -> Iterator[None]:
    """Turn an error of the disk, a full one above all, into one that names the folder.

    Args:
        folder: The temporary folder.
        what: What is being written: a stream.

    Raises:
        PluginError: If writing fails.
    """
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise PluginError(
            f"{what}: cannot write to the temporary folder `{folder}`: {reason}. Make room there, or set TMPDIR to "
            "another folder."
        ) from error
