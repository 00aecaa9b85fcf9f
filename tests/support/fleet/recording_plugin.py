"""A tap and a target that record what they are given, and do what they are told. Run as programs.

They are told by settings that do nothing else: the tap by `page_size`, its exit code, and `max_retries`, that of its
discovery; the target by `block_bytes`, its exit code, after as many states as `inline_bytes` says.
"""

from __future__ import annotations

import json
import os
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

STREAMS = {"people": ("id", "name", "hidden"), "places": ("id",), "things": ("id", "name")}
STATES: tuple[Any, ...] = ({"bookmarks": {"people": 1}}, {}, {"bookmarks": {"people": 1, "places": {"at": "é"}}})
_ENDS_EARLY = 7
_FILES = ("--config", "--catalog", "--state")
_FILES = ("--config", "--catalog", "--state")


def record(kind: str, arguments: list[str]) -> dict[str, Any]:
    """Write down everything that this process was given, without the paths, and return its settings."""
    files = {option: path for option, path in pairwise(arguments) if option in _FILES}
    given = {option: json.loads(Path(path).read_text()) for option, path in files.items()}
    found = {
        "files": given,
        "other arguments": [argument for argument in arguments if argument not in {*files, *files.values()}],
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
        "mask": os.umask(0o077),
    }
    (Path(os.environ["MELTANO_SYS_DIR_ROOT"]) / f"{kind}.json").write_text(json.dumps(found))
    settings: dict[str, Any] = given["--config"]
    return settings


def write(message: object) -> None:
    """Write a line to the standard output."""
    sys.stdout.write(json.dumps(message, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def discover(arguments: list[str]) -> int:
    """Write the catalog, unless told to fail."""
    code: int = json.loads(Path(arguments[arguments.index("--config") + 1]).read_text()).get("max_retries", 0)
    if code:
        sys.stderr.write("the discovery's own words\n")
        return code
    schemas = {name: {"properties": {column: {"type": "integer"} for column in STREAMS[name]}} for name in STREAMS}
    streams = [{"tap_stream_id": name, "stream": name, "schema": schema} for name, schema in schemas.items()]
    write({"streams": streams})
    return 0


def run_tap(arguments: list[str]) -> int:
    """Write rows and states; or an answer, if it is only asked."""
    settings = record("tap", arguments)
    sys.stderr.write("the tap's own words\n")
    if "--test" in arguments:
        write({"answer": "ä"})
        asked: int = settings.get("page_size", 0)
        return asked
    for number, state in enumerate(STATES):
        write({"type": "RECORD", "stream": "people", "record": {"id": number, "text": "x" * 100_000}})
        write({"type": "STATE", "value": state})
    code: int = settings.get("page_size", 0)
    return code


def run_target(arguments: list[str]) -> int:
    """Keep all lines, and let the states out."""
    settings = record("target", arguments)
    sys.stderr.write("the target's own words\n")
    kept = []
    most = settings.get("inline_bytes", len(STATES))
    for line in sys.stdin:
        kept.append(line)
        message = json.loads(line)
        if message["type"] == "STATE" and most:
            write(message["value"])
            most -= 1
        if settings.get("block_bytes") == _ENDS_EARLY:
            return _ENDS_EARLY
    (Path(os.environ["MELTANO_SYS_DIR_ROOT"]) / "target.jsonl").write_text("".join(kept))
    code: int = settings.get("block_bytes", 0)
    return code


if __name__ == "__main__":
    name, *rest = sys.argv[1:]
    if name == "target":
        sys.exit(run_target(rest))
    sys.exit(discover(rest) if "--discover" in rest else run_tap(rest))
