"""A million records of 1 KB go through the tap in bounded memory, however many streams it reads at a time."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from support.tap.scripted import Reply
from tap_servicetitan.catalog.entries import schema_of
from tap_servicetitan.specs.registry import STREAMS

if TYPE_CHECKING:
    from pathlib import Path

    from support.tap.scripted import Query, ScriptedApi

NAMES = [spec.name for spec in STREAMS if spec.key == ("id",) and "modifiedOn" in schema_of(spec)["properties"]]
RECORD = b'{"id":%d,"modifiedOn":"2026-01-01T00:00:00.1234567Z","active":true,"name":"' + b"x" * 920 + b'"}'
PAGE_SIZE = 5000

PROGRAM = """
import re
import sys
import time
from pathlib import Path
from tap_servicetitan.plugin_runtime.command import run
from tap_servicetitan.plugin_runtime.heap import share_one_heap
from tap_servicetitan.specs.spec import StreamSpec
from tap_servicetitan.tap import TapServiceTitan
names, config = sys.argv[1].split(","), sys.argv[2]
paths = {"feed": "export_path", "list": "list_path"}
TapServiceTitan.specs = [
    StreamSpec(name=name, selected=True, **{paths[sys.argv[3]]: "/a/v2/tenant/{tenant}/" + name}) for name in names
]
share_one_heap()
code = run(TapServiceTitan, ["--config", config])
# Not `ru_maxrss`, which begins with what the process had that started this one.
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print("peak megabytes:", int(peak[1]) // 1024, "processor seconds:", time.process_time(), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "streams", "workers"), [("list", 1, 1), ("feed", 4, 1), ("feed", 4, 4), ("feed", 40, 32), ("list", 40, 32)]
)
def test_a_million_records(api: ScriptedApi, tmp_path: Path, *, kind: str, streams: int, workers: int) -> None:
    pages = 1_000_000 // streams // PAGE_SIZE
    records = pages * PAGE_SIZE

    def page(query: Query) -> Reply:
        number = int(query["page"]) - 1 if "page" in query else int(query.get("from", 0))
        data = b",".join(RECORD % identifier for identifier in range(number * PAGE_SIZE, (number + 1) * PAGE_SIZE))
        more = b"true" if number + 1 < pages else b"false"
        head = b'{"hasMore":%b,"totalCount":%d,"continueFrom":"%d","data":[' % (more, records, number + 1)
        return Reply(200, {"Content-Encoding": "gzip"}, gzip.compress(b"%b%b]}" % (head, data), 1))

    names = NAMES[:streams]
    api.routes |= {f"/{name}": page for name in names}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(api.config | {"max_concurrent_streams": workers}))
    command = [sys.executable, "-c", PROGRAM, ",".join(names), str(path), kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        count = sum(chunk.count(b'{"type":"RECORD"') for chunk in process.stdout)
        log = process.stderr.read().decode()
    assert process.returncode == 0
    assert count == records * streams
    measured = re.search(r"peak megabytes: (\d+) processor seconds: ([\d.]+)", log)
    assert measured
    assert int(measured[1]) <= 150
    # Five times what it takes on the machine that it was written on.
    assert float(measured[2]) <= 40
