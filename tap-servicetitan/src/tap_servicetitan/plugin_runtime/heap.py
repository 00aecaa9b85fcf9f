"""The heap of the process, where its memory comes from. Only GNU's C library has what is set here, or needs it."""

from __future__ import annotations

import ctypes
import math
import time
from typing import Final

_M_ARENA_MAX: Final = -8
"""The number of the option `M_ARENA_MAX` in GNU's `malloc.h`."""


def share_one_heap() -> None:
    """Let all threads use one heap. Call it before starting threads.

    Otherwise each thread has a heap of its own, and no other thread can reuse memory that one has freed. Here that is
    a page or a block, megabytes, per thread.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_ARENA_MAX, 1)


_LEAST_SECONDS: Final = 0.5
_given_back = [-math.inf]
"""When that was done last."""


def give_memory_back() -> None:
    """Give memory that is free back to the system, unless that was done less than half a second ago.

    The heap keeps what lies below memory that is still used: in a target whose streams end together, half of it. It
    takes some ten milliseconds.
    """
    now = time.monotonic()
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim and now - _given_back[0] >= _LEAST_SECONDS:
        _given_back[0] = now
        malloc_trim(0)
