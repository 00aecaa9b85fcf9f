"""Where Arrow takes its memory from."""

from __future__ import annotations

import os

import pyarrow as pa

_CHOICE = "ARROW_DEFAULT_MEMORY_POOL"
"""Arrow's own variable (https://arrow.apache.org/docs/cpp/env_vars.html)."""


def use_system_memory() -> None:
    """Let Arrow take its memory from the C library, unless the environment says otherwise.

    Arrow's own allocators keep memory for each thread that has used them. A run of 155 small streams held 370 MB with
    them and holds 180 MB without; a large stream takes a twentieth more CPU time.
    """
    if _CHOICE not in os.environ:
        pa.set_memory_pool(pa.system_memory_pool())
