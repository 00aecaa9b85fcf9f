"""Runs the GoogleSQL analyzer, which the package `zetasql` holds compiled to WebAssembly.

The package's own client copies each request byte by byte, converts it to and from classes of its own, and compiles the
module for 20 to 30 seconds at each start. This one hands over protobuf as it is, and keeps the compiled module.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import re
import threading
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import wasmtime
from zetasql.wasi import get_wasm_path

if TYPE_CHECKING:
    from collections.abc import Iterator


def _cache_folder() -> Path:
    """Return the folder of the compiled module: that of the repository's tools, or the user's cache if installed."""
    root = Path(__file__).parents[5]
    if (root / "sandbox" / "pyproject.toml").is_file():
        return root / ".tools" / "wasmtime"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "servicetitan-sandbox" / "wasmtime"


CACHE_FOLDER = _cache_folder()
"""Where the compiled module is kept. Decided at import: the local BigQuery changes its home directory."""

_SIZE_BYTES = 4
_ERROR = re.compile(r"Code: \d+, Message: (.*)", re.DOTALL)


class SqlError(Exception):
    """BigQuery would refuse a statement. The text ends with the position, `[at line:column]`."""


class Service:
    """One instance of the module. It answers one request at a time, whichever thread asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._store = _store()
        linker = wasmtime.Linker(self._store.engine)
        linker.define_wasi()
        with _compiling():
            module = wasmtime.Module.from_file(self._store.engine, get_wasm_path())
        self._exports = cast("Any", linker.instantiate(self._store, module).exports(self._store))
        self._exports["_initialize"](self._store)

    def call(self, method: str, request: Any, answer: Any) -> Any:  # noqa: ANN401 - classes that are made at run time
        """Send a request and return the answer.

        Args:
            method: Name of the method of ZetaSQL's local service, such as `Analyze`.
            request: The request.
            answer: The type of the answer.

        Raises:
            SqlError: If a statement is not valid.
        """
        return answer.FromString(self.call_raw(method, request.SerializeToString()))

    def call_raw(self, method: str, request: bytes) -> bytes:
        """Send a serialized request and return the serialized answer. See :meth:`call`."""
        with self._lock:
            place = self._call("wasm_malloc", len(request))
            size_place = self._call("wasm_malloc", _SIZE_BYTES)
            try:
                ctypes.memmove(self._address(place), request, len(request))
                answer_place = self._call(f"ZetaSqlLocalService_{method}", place, len(request), size_place)
                if not answer_place:
                    raise self._error()
                size = int.from_bytes(self._read(size_place, _SIZE_BYTES), "little")
                answer = self._read(answer_place, size)
                self._call("wasm_free", answer_place)
                return answer
            finally:
                self._call("wasm_free", place)
                self._call("wasm_free", size_place)

    def _call(self, name: str, *arguments: int) -> Any:  # noqa: ANN401 - an integer or nothing
        return self._exports[name](self._store, *arguments)

    def _address(self, place: int) -> int:
        # Asked anew each time: the memory moves when it grows.
        return ctypes.addressof(self._exports["memory"].data_ptr().contents) + place

    def _read(self, place: int, size: int) -> bytes:
        return ctypes.string_at(self._address(place), size)

    def _error(self) -> SqlError:
        size = self._call("wasm_get_last_error_size")
        text = self._read(self._call("wasm_get_last_error"), size).decode() if size else ""
        found = _ERROR.fullmatch(text)
        return SqlError(found[1] if found else text)


@cache
def _make_service() -> Service:
    return Service()


_starting = threading.Lock()


def service() -> Service:
    """Return the service of this process. The first call starts it: half a second, or 20 to 30 the first time ever."""
    with _starting:
        return _make_service()


def start_in_background() -> None:
    """Start the service in a thread, so that the first statement need not wait for it."""
    threading.Thread(target=service, name="googlesql", daemon=True).start()


def _store() -> wasmtime.Store:
    config = wasmtime.Config()
    config.shared_memory = True
    config.cache = str(_cache_settings())
    store = wasmtime.Store(wasmtime.Engine(config))
    wasi = wasmtime.WasiConfig()
    wasi.inherit_stderr()
    wasi.preopen_dir(str(files("tzdata") / "zoneinfo"), "/usr/share/zoneinfo")
    store.set_wasi(wasi)
    return store


def _cache_settings() -> Path:
    """Write the settings of the cache of compiled modules, which several processes may share."""
    settings = CACHE_FOLDER / "config.toml"
    CACHE_FOLDER.mkdir(parents=True, exist_ok=True)
    draft = settings.with_suffix(f".{os.getpid()}")
    draft.write_text(f'[cache]\ndirectory = "{CACHE_FOLDER}/modules"\n', encoding="utf-8")
    draft.replace(settings)
    return settings


@contextmanager
def _compiling() -> Iterator[None]:
    """Let one process at a time compile: the others wait, and find the compiled module."""
    with (CACHE_FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
