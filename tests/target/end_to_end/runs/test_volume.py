"""Large streams go through the target in bounded memory, however many there are, and files leave it in parts."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from servicetitan_sandbox.client.bigquery_control import read_stats, reset_stats
from support.proxy import Answer, Proxy
from support.singer import INTEGER, STRING, lines, record, schema, state
from support.target.harness import HastyTarget
from support.target.ways import STAGED
from target_bigquery_softdelete.bigquery import uploads
from target_bigquery_softdelete.runtime import file_room

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.proxy import Request
    from support.target.harness import TargetRunner

PROGRAM = """
import re
import sys
from pathlib import Path
from target_bigquery_softdelete.plugin_runtime.command import run
from target_bigquery_softdelete.target import TargetBigQuerySoftDelete
code = run(TargetBigQuerySoftDelete, ["--config", sys.argv[1]])
# Not `ru_maxrss`, which begins with what the process had that started this one.
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print("peak megabytes:", int(peak[1]) // 1024, file=sys.stderr)
sys.exit(code)
"""

ROWS = 1_000_000


def _rare(length: int, seed: int) -> str:
    """Return a text that no compression makes much shorter."""
    return random.Random(seed).randbytes(length // 2).hex()


def test_a_large_file_is_sent_in_parts(target: TargetRunner, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_PART_BYTES", 1 << 20)
    texts = {number: _rare(1 << 20, number) for number in range(14)}
    reset_stats(project.api_endpoint)

    rows = [record("texts", {"id": number, "text": text}) for number, text in texts.items()]
    assert target(schema("texts", {"id": INTEGER, "text": STRING}), *rows, **STAGED).code == 0

    assert {number: row["text"] for number, row in project.rows("texts").items()} == texts
    # The first request only announces the file, which Google's own client would send in a second one.
    assert read_stats(project.api_endpoint)["calls"]["upload"] > 1 + 5


class SteadyTarget(HastyTarget):
    """The target with short pauses, that sends a part of a file again as the real one does."""

    retry_policy = replace(HastyTarget.retry_policy, upload_retries=3)


def _unavailable(_: Answer) -> Answer:
    return Answer(503, [], b"{}")


def _lost(_: Answer) -> None:
    return None


def _half_kept(_: Answer) -> Answer:
    return Answer(308, [("Range", f"bytes=0-{(256 << 10) + 1000}")], b"")


def _nothing_kept(_: Answer) -> Answer:
    return Answer(308, [], b"")


def _unknown(_: Answer) -> Answer:
    return Answer(404, [], b"{}")


@pytest.mark.parametrize("is_sent", [True, False], ids=["arrived", "lost"])
@pytest.mark.parametrize("fault", [_unavailable, _lost, _half_kept, _nothing_kept, _unknown])
@pytest.mark.parametrize("part", [2, "last"])
@pytest.mark.parametrize("plugin", [HastyTarget, SteadyTarget])
def test_a_file_arrives_once_whatever_happens_to_one_of_its_parts(  # noqa: PLR0913, PLR0917 - what fails, and fixtures
    target: TargetRunner,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    plugin: type[HastyTarget],
    part: int | str,
    fault: Callable[[Answer], Answer | None],
    *,
    is_sent: bool,
) -> None:
    target.plugin = plugin
    monkeypatch.setattr(uploads, "MOST_PART_BYTES", 256 << 10)
    texts = {number: _rare(300_000, number) for number in range(7)}
    parts = 0

    def gate(request: Request, forward: Callable[[bytes], Answer]) -> Answer | None:
        nonlocal parts
        if request.method != "PUT":
            return forward(request.body)
        headers = {name.lower(): value for name, value in request.headers.items()}
        is_last = not headers["content-range"].endswith("/*")
        parts += 1
        if parts != part and not (part == "last" and is_last and parts < 100):
            return forward(request.body)
        parts = 100  # only one fails
        answer = forward(request.body) if is_sent else Answer(503, [], b"")
        return fault(answer)

    with Proxy(project.api_endpoint, keeps_requests=False) as proxy:
        proxy.gate = gate
        rows = [record("texts", {"id": number, "text": text}) for number, text in texts.items()]
        result = target(
            schema("texts", {"id": INTEGER, "text": STRING}), *rows, state({}), **STAGED, api_endpoint=proxy.url
        )

    assert parts >= 100
    assert result.code == 0, result.log
    assert {number: row["text"] for number, row in project.rows("texts").items()} == texts
    assert len(result.states) == 1
    (report,) = project.query(f"SELECT rows_inserted, rows_read FROM `{project.name}.management.etl_logs`")
    assert (report["rows_inserted"], report["rows_read"]) == (7, 7)


def test_the_files_of_many_streams_take_little_room(
    target: TargetRunner, project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = [f"stream_{number}" for number in range(6)]
    columns = {"id": INTEGER, "text": STRING}
    rows = [record(name, {"id": n, "text": _rare(50_000, n)}) for n in range(40) for name in names]
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(file_room, "MOST_OPEN_BYTES", 600_000)
    monkeypatch.setattr(file_room, "MOST_WAITING_BYTES", 300_000)

    with _most_bytes_in(tmp_path) as most:
        result = target(*(schema(name, columns) for name in names), *rows, **STAGED, block_bytes=64 << 10)

    assert result.code == 0
    assert [len(project.rows(name)) for name in names] == [40] * 6
    # The files are 12 MB. Each may be a block, of 100 KB, larger than its share.
    assert most() <= 600_000 + 300_000 + 6 * 100_000


@contextmanager
def _most_bytes_in(folder: Path) -> Iterator[Callable[[], int]]:
    """Look at the files in a folder again and again. Yield a function that returns how large they were at most."""
    most, has_ended = 0, threading.Event()

    def look() -> None:
        nonlocal most
        while not has_ended.wait(0.001):
            most = max(most, sum(_size(path) for path in folder.rglob("*.parquet")))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield lambda: most
    finally:
        has_ended.set()
        thread.join()


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


@pytest.mark.long
@pytest.mark.parametrize(("streams", "megabytes"), [(1, 300), (10, 300), (40, 400)])
def test_a_million_rows(project: Project, tmp_path: Path, streams: int, megabytes: int) -> None:
    """They have a kilobyte each, and all streams are open at the same time."""
    names = [f"stream_{number}" for number in range(streams)]
    texts = [_rare(320, seed) for seed in range(1000)]
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"project_id": project.name, "api_endpoint": project.api_endpoint}))

    def messages() -> Iterator[bytes]:
        columns = {"id": INTEGER, **{f"text_{number}": STRING for number in range(3)}}
        yield lines([schema(name, columns) for name in names])
        for identifier in range(ROWS // streams):
            row = {"id": identifier, **{f"text_{n}": texts[(identifier * 7 + n * 311) % 1000] for n in range(3)}}
            yield lines([record(name, row) for name in names])

    command, errors = [sys.executable, "-c", PROGRAM, str(path)], tmp_path / "errors"
    with errors.open("wb") as file, subprocess.Popen(command, stdin=subprocess.PIPE, stderr=file) as process:
        assert process.stdin
        process.stdin.writelines(messages())
        process.stdin.close()

    log = errors.read_text()
    assert process.returncode == 0, log[-2000:]
    for name in names:
        (found,) = project.query(f"SELECT COUNT(*) AS loaded FROM `{project.name}.bronze.{name}`")
        assert found["loaded"] == ROWS // streams
    measured = re.search(r"peak megabytes: (\d+)", log)
    assert measured
    assert int(measured[1]) <= megabytes
