"""How the process gets its memory."""

from __future__ import annotations

import ctypes
from typing import Final

_M_ARENA_MAX: Final = -8
"""The name of the setting in GNU's `malloc.h`."""


def share_one_heap() -> None:
    """Let all threads take their memory from one heap. Call it before there are threads.

    GNU's C library gives each thread a heap of its own, and what one thread has given back no other one can use. Here
    that is a page, megabytes, for each thread. Other C libraries do not have the setting, nor the need for it.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_ARENA_MAX, 1)
