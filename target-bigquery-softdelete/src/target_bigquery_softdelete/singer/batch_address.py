"""Opens the files that BATCH messages name: only at allowed places, and only what is a file.

The tap chooses the addresses. A wrong one must not make the target read a device, its own secrets in `/proc`, or a
server inside the network that only this machine reaches.
"""

from __future__ import annotations

import base64
import io
import os
import re
import stat
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import unquote_to_bytes, urlsplit
from urllib.request import url2pathname

import fsspec

from target_bigquery_softdelete.errors import RefusedAddressError
from target_bigquery_softdelete.plugin_runtime.addresses import secret_parts
from target_bigquery_softdelete.plugin_runtime.redaction import register_secrets

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

INLINE = "data:"
"""How an address begins that contains the records itself."""

CLOUD_STORAGE = "gs"
"""The scheme of Google Cloud Storage."""

KERNEL_FOLDERS = ("/dev", "/proc", "/sys")
"""Folders whose files are devices, or what the kernel knows of its processes."""

SHORTEST_SIGNATURE = 16
"""Characters. Shorter values in a query are options such as `media`, which any log line may have."""

PIECE_CHARACTERS = 1 << 16
"""How much of an address to decode at a time: decoding takes many times that in memory."""

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_CUT_ESCAPE = re.compile(r"%[0-9A-Fa-f]?$")


def open_address(address: str, schemes: Collection[str]) -> IO[bytes]:
    """Open a batch file.

    Args:
        address: An absolute path, or a URL: `file:///`, `data:`, `gs://`, or one of the schemes.
        schemes: The schemes that are allowed in addition.

    Raises:
        RefusedAddressError: If the address is of another kind, or the file is not a regular one.
    """
    if address.startswith(INLINE):
        return io.BytesIO(_inline_content(address))
    if address.startswith("/"):
        return _open_file(address)
    url = _URL.match(address)
    scheme = url[1] if url else ""
    if scheme == "file":
        return _open_file(_path_of(address))
    if "::" in address or scheme not in {CLOUD_STORAGE, *schemes}:
        raise RefusedAddressError(
            "only absolute paths, `file:///`, `data:`, `gs://` and the schemes of the setting `batch_schemes` are "
            "allowed, one to an address and in lower case."
        )
    _hide_secrets(address)
    file: IO[bytes] = fsspec.open(address, "rb").open()
    return file


def _hide_secrets(address: str) -> None:
    """Keep what the address holds of secrets out of the log of every library that gets it."""
    user, at, _ = address.partition("://")[2].rpartition("@")
    signatures = [part for part in secret_parts(address) if len(part) >= SHORTEST_SIGNATURE]
    register_secrets([*signatures, *([user, user.partition(":")[2]] if at else [])])


def _path_of(address: str) -> str:
    """Return the path of a `file` URL (https://www.rfc-editor.org/rfc/rfc8089).

    Raises:
        RefusedAddressError: If it is of another machine, or has more than a path.
    """
    url = urlsplit(address)
    if url.netloc or url.query or url.fragment or not url.path.startswith("/"):
        raise RefusedAddressError("a `file` address is `file:///` and a path: no host, no query, no fragment.")
    return url2pathname(url.path)


def _open_file(path: str) -> IO[bytes]:
    """Open a regular file. What it is gets checked before it is opened, as far as can be, and again on what is open."""
    _check(os.path.normpath(path), Path(path).stat())
    # Without waiting: to open a pipe would last until somebody writes into it.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
    try:
        _check(_path_of_open(descriptor, path), os.fstat(descriptor))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _check(path: str, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise RefusedAddressError("it is not a regular file.")
    if path.startswith(tuple(f"{folder}/" for folder in KERNEL_FOLDERS)):
        raise RefusedAddressError(f"it is in one of the folders {', '.join(KERNEL_FOLDERS)}.")


def _path_of_open(descriptor: int, path: str) -> str:
    """Return the path of an open file, without symbolic links."""
    try:
        return str(Path(f"/proc/self/fd/{descriptor}").readlink())
    except OSError:  # this system has no such folder
        return str(Path(path).resolve())


def _inline_content(address: str) -> bytes:
    """Return the content of a `data:` URL (https://www.rfc-editor.org/rfc/rfc2397).

    Raises:
        ValueError: If it is not a `data:` URL.
    """
    head, comma, data = address.partition(",")
    if not comma:
        raise ValueError("there is no comma between its type and its content")
    if head.endswith(";base64"):
        return base64.b64decode(data, validate=True)
    return b"".join(map(unquote_to_bytes, _pieces(data)))


def _pieces(data: str) -> Iterator[str]:
    """Yield a percent-encoded text in pieces that cut no escape in two."""
    start = 0
    while start < len(data):
        piece = data[start : start + PIECE_CHARACTERS]
        if start + len(piece) < len(data) and (cut := _CUT_ESCAPE.search(piece)):
            piece = piece[: cut.start()]
        yield piece
        start += len(piece)
