"""A lower bound for targets that load NDJSON from one Python process: only `orjson.loads`, `orjson.dumps` and gzip.

Reads Singer messages on stdin and prints how many records there were.
"""

from __future__ import annotations

import sys
import zlib

import orjson

CHUNK_BYTES = 1 << 20


def main() -> None:
    """Read all messages."""
    gzip = zlib.compressobj(1, zlib.DEFLATED, 31)  # the fastest level, with a gzip header
    rows = 0
    chunk = bytearray()
    for line in sys.stdin.buffer:
        message = orjson.loads(line)
        if message["type"] != "RECORD":
            continue
        rows += 1
        chunk += orjson.dumps(message["record"], option=orjson.OPT_APPEND_NEWLINE)
        if len(chunk) >= CHUNK_BYTES:
            gzip.compress(bytes(chunk))
            chunk.clear()
    gzip.compress(bytes(chunk))
    gzip.flush()
    sys.stdout.write(f"{rows}\n")


if __name__ == "__main__":
    main()
