"""Threads share one heap."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, sys, threading
from target_bigquery_softdelete.plugin_runtime.heap import share_one_heap
if sys.argv[1] == "shared":
    share_one_heap()
together = threading.Barrier(3)
def work():
    together.wait()
    kept.append(bytes(100_000))
    together.wait()
kept = []
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""


def heaps(mode: str) -> int:
    command = [sys.executable, "-c", PROGRAM, mode]
    return subprocess.run(command, capture_output=True, check=True, text=True, env={}).stdout.count("<heap nr=")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the C library is not GNU's")
def test_threads_share_one_heap() -> None:
    assert heaps("shared") == 1
    assert heaps("apart") > 1


FREEING = """
import re, sys
from pathlib import Path
from target_bigquery_softdelete.plugin_runtime.heap import give_memory_back, share_one_heap
share_one_heap()
def used():
    return int(re.search(r"VmRSS:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) >> 10
blocks = [b"x" * (100_000 + number) for number in range(1000)]
for number in range(0, 1000, 2):
    blocks[number] = None  # what is left lies above each of them
before = used()
give_memory_back()
print(before - used())
blocks[1:400] = ()
again = used()
give_memory_back()
print(again - used())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the C library is not GNU's")
def test_free_memory_is_given_back_but_not_all_the_time() -> None:
    command = [sys.executable, "-c", FREEING]
    first, second = map(int, subprocess.check_output(command, text=True).split())

    assert first >= 40
    assert second <= 5
