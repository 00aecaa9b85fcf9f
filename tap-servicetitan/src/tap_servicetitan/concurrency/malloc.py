"""Memory allocation of the process."""

from __future__ import annotations

import ctypes
from typing import Final

_M_ARENA_MAX: Final = -8
"""The number of the option `M_ARENA_MAX` in GNU's `malloc.h`."""


def share_one_heap() -> None:
    """Let all threads use one heap. Call it before starting threads.

    GNU's C library gives each thread a separate heap, and no other thread can reuse memory that one has freed. Here
    that is a page, megabytes, per thread. Other C libraries neither have nor need the option.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_ARENA_MAX, 1)
