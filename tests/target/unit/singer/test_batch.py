"""The files of BATCH messages."""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import io
import json
import logging
import math
import os
import socket
import sys
import tracemalloc
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests
from gcp_storage_emulator.server import create_server

from target_bigquery_softdelete.errors import BatchFileError
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.plugin_runtime.redaction import install
from target_bigquery_softdelete.singer.batch import Batch, BatchLimits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


MEGABYTE = 1 << 20

LIMITS = BatchLimits(schemes=["memory", "s3"], longest_line=2 * MEGABYTE)


def read(
    *manifest: str | Path, form: str = "jsonl", compression: str | None = None, limits: BatchLimits = LIMITS
) -> list[bytes]:
    """Return the records of these files."""
    encoding = {"format": form, "compression": compression}
    message = {"type": "BATCH", "stream": "jobs", "encoding": encoding, "manifest": list(map(str, manifest))}
    return [bytes(record) for records in Batch.of(message).records(limits) for record in records]


def test_a_jsonl_file_gives_its_records_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "a b.jsonl"
    path.write_bytes(b'{"id":1, "n":1.10}\r\n\n{"id":2,"n":NaN}\n{"id":3,"s":"\\ud800"}')

    expected = [b'{"id":1, "n":1.10}', b'{"id":2,"n":NaN}', b'{"id":3,"s":"\\ufffd"}']
    assert read(path) == expected
    assert read(path.as_uri(), path, compression="none") == expected * 2  # `file:///.../a%20b.jsonl`

    packed = tmp_path / "a.gz"
    packed.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    assert read(packed, compression="gzip") == expected


LINES = b'{"id":1,"s":"\xc3\xa9 \\u00e9 %"}\n{"id":2}\n'


@pytest.mark.parametrize(
    ("address", "compression"),
    [
        ("data:application/x-ndjson;base64," + base64.b64encode(LINES).decode(), None),
        ("data:application/gzip;base64," + base64.b64encode(gzip.compress(LINES, mtime=0)).decode(), "gzip"),
        ("data:;base64," + base64.b64encode(LINES).decode(), "none"),
        ("data:," + quote(LINES), None),
    ],
)
def test_records_may_be_inside_the_address(address: str, compression: str | None) -> None:
    assert b"\n".join(read(address, compression=compression)) + b"\n" == LINES


@pytest.mark.parametrize(
    ("content", "compression", "reason"),
    [
        ("application/x-ndjson;base64,PRIVATE!", None, "base64|Base64|characters|padding"),
        ("application/x-ndjson;base64,PRIVATE", None, "padding"),
        ("application/x-ndjson;base64,UFJJVkFURQ==", None, "line 1 is not JSON"),
        ("application/x-ndjson;base64,UFJJVkFURQ==", "gzip", "Not a gzipped file"),
        ("PRIVATE", None, "no comma"),
        (",%7B%22PRIVATE", None, "line 1 is not JSON"),
    ],
)
def test_an_error_does_not_show_the_records_inside_an_address(
    content: str, compression: str | None, reason: str
) -> None:
    with pytest.raises(BatchFileError, match=f"^jobs: the batch file data: cannot be read: .*({reason})") as caught:
        read(f"data:{content}", compression=compression)
    assert "PRIVATE" not in str(caught.value)


def test_a_parquet_file_gives_a_record_for_each_row(tmp_path: Path) -> None:
    day = dt.datetime(2024, 5, 1, 8, 0, 0, 123456, dt.UTC)
    columns: dict[str, pa.Array] = {
        "id": pa.array([2**63 - 1, 1]),
        "amount": pa.array([Decimal("12345678901234567890.10"), None], pa.decimal128(38, 2)),
        "ratio": pa.array([math.nan, -math.inf]),
        "at": pa.array([day, None], pa.timestamp("us", "UTC")),
        "exact": pa.array([1_700_000_000_123_456_789, None], pa.timestamp("ns")),
        "on": pa.array([day.date(), None]),
        "time": pa.array([1_000_000_001, None], pa.time64("ns")),
        "nested": pa.array([{"at": [1_123_456_789]}, None], pa.struct([("at", pa.list_(pa.timestamp("ns")))])),
        "text": pa.array(["é\n", None]).dictionary_encode(),
    }
    path = tmp_path / "jobs.parquet"
    pq.write_table(pa.table(columns), path)

    first, second = (json.loads(raw, parse_float=Decimal) for raw in read(path, form="parquet", compression="gzip"))

    assert math.isnan(first.pop("ratio"))
    assert first == {
        "id": 2**63 - 1,
        "amount": Decimal("12345678901234567890.10"),
        "at": "2024-05-01T08:00:00.123456Z",
        "exact": "2023-11-14T22:13:20.123456",
        "on": "2024-05-01",
        "time": "00:00:01",
        "nested": {"at": ["1970-01-01T00:00:01.123456"]},
        "text": "é\n",
    }
    assert second == {**dict.fromkeys(columns), "id": 1, "ratio": -math.inf}


@pytest.mark.parametrize(
    ("content", "encoding", "reason"),
    [
        (None, {}, "No such file"),
        (b'{"id":1}\n{"id":\n', {}, "line 2 is not JSON"),
        (b'{"id":1}\n{"id"', {}, "line 2 is not JSON"),
        (gzip.compress(b'{"id":1}\n' * 99, mtime=0)[:-9], {"compression": "gzip"}, "end-of-stream marker"),
        (b'{"id":1}\n', {"compression": "gzip"}, "Not a gzipped file"),
        (b"PAR1 and no more", {"form": "parquet"}, "Parquet magic bytes"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    content: bytes | None, encoding: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "jobs-1"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BatchFileError, match=f"^jobs: the batch file .*jobs-1 cannot be read: .*{reason}[^\n]*$"):
        read(path, **encoding)


@pytest.mark.parametrize(("form", "compression"), [("csv", None), ("jsonl", "zip"), ("parquet", "rot13")])
def test_an_unknown_encoding_is_an_error(form: str, compression: str | None) -> None:
    with pytest.raises(BatchFileError, match=f"jobs: .*`{form}`.*`{compression}`.*`jsonl` and `parquet`"):
        read("/x", form=form, compression=compression)


def test_a_message_of_another_shape_is_an_error() -> None:
    with pytest.raises(PluginError, match=r"jobs: a BATCH message is not well-formed: .*manifest"):
        Batch.of({"type": "BATCH", "stream": "jobs", "encoding": {"format": "jsonl"}, "manifest": "x"})


def test_files_elsewhere_are_read_through_fsspec() -> None:
    with fsspec.open("memory://bucket/jobs.jsonl", "wb") as file:
        file.write(b'{"id":1}\n')
    assert read("memory://bucket/jobs.jsonl") == [b'{"id":1}']


def test_a_missing_library_is_named_and_no_signature_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    for address, missing in (("gs://bucket/a", "target-bigquery-softdelete[gcs]"), ("s3://bucket/a", "s3fs")):
        with pytest.raises(BatchFileError) as caught:
            read(f"{address}?signature=private")
        assert str(caught.value).startswith(f"jobs: the batch file {address} cannot be read: ")
        assert missing in str(caught.value)
        assert "private" not in str(caught.value)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket in a local Cloud Storage."""
    server = create_server("127.0.0.1", 0, in_memory=True, default_bucket="bucket")
    server.start()
    address = f"http://127.0.0.1:{server._api._httpd.server_port}"  # noqa: SLF001 - it says its port nowhere else
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")  # it would ask over gRPC what kind the bucket is
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
    yield f"{address}/upload/storage/v1/b/bucket/o"
    server.stop()


def test_files_on_cloud_storage_are_read(bucket: str) -> None:
    rows = [b'{"id":%d,"text":"%s"}' % (number, b"x" * 500) for number in range(20_000)]
    parquet = io.BytesIO()
    pq.write_table(pa.table({"id": [1]}), parquet)
    files = {"a/jobs.jsonl": b"\n".join(rows), "jobs.gz": gzip.compress(rows[0]), "jobs.parquet": parquet.getvalue()}
    for name, content in files.items():
        requests.post(bucket, params={"name": name, "uploadType": "media"}, data=content, timeout=10).raise_for_status()

    assert read("gs://bucket/a/jobs.jsonl") == rows
    assert read("gs://bucket/jobs.gz", compression="gzip") == rows[:1]
    assert read("gs://bucket/jobs.parquet", form="parquet") == [b'{"id":1}']
    with pytest.raises(BatchFileError, match=r"jobs: the batch file gs://bucket/none cannot be read: .*none"):
        read("gs://bucket/none")


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_file_is_never_in_memory_as_a_whole(form: str, tmp_path: Path) -> None:
    path, rows, text = tmp_path / "large", 60_000, "x" * 500
    if form == "jsonl":
        path.write_bytes(b"".join(b'{"id":%d,"text":"%b"}\n' % (i, text.encode()) for i in range(rows)))
    else:
        pq.write_table(pa.table({"id": range(rows), "text": [text] * rows}), path)
    message = {"stream": "jobs", "encoding": {"format": form}, "manifest": [str(path)]}

    tracemalloc.start()
    count = sum(len(records) for records in Batch.of(message).records(LIMITS))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert count == rows
    assert peak < 12 << 20  # the records are 31 MB


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/SECRET-free",
        "https://user:SECRET@host/a?sig=SECRET#SECRET",
        "ftp://user:SE/CRET@host/a",
        "memory://bucket/a",
        "zip://a.jsonl::gs://bucket/a.zip",
        "simplecache::gs://bucket/a",
        "gs://a::https://user:SECRET@host/a",
        "memory::gs://bucket/a",
        "local:///etc/hostname",
        "GS://bucket/a",
        "Gs://bucket/a",
        "gs:/bucket/a",
        "gs:bucket/a",
        " gs://bucket/a",
        "FILE:///etc/hostname",
        "file:/etc/hostname",
        "file://host/etc/hostname",
        "file://localhost/etc/hostname",
        "file://user:SECRET@host/etc/hostname",
        "file:///etc/hostname?SECRET",
        "file:///etc/hostname#SECRET",
        "file://etc/hostname",
        "file:etc/hostname",
        "DATA:,SECRET",
        " data:,SECRET",
        "etc/hostname",
        "./hostname",
        "~/hostname",
        "",
    ],
)
def test_an_address_of_another_kind_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fsspec, "open", lambda *_args, **_options: pytest.fail("it was opened"))
    with pytest.raises(
        BatchFileError, match=r"^jobs: the batch file [^\n]*allowed[^\n]*$|^jobs: [^\n]*no host"
    ) as caught:
        read(address, limits=BatchLimits(schemes=["s3"], longest_line=MEGABYTE))
    assert "SECRET" not in str(caught.value).replace("SECRET-free", "")


def test_a_chained_address_is_refused_also_with_allowed_schemes() -> None:
    with pytest.raises(BatchFileError, match="allowed"):
        read("memory://a::s3://bucket/a")


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    pipe, link, plain = tmp_path / "pipe", tmp_path / "link", tmp_path / "plain"
    os.mkfifo(pipe)
    plain.write_bytes(b'{"id":1}\n')
    link.symlink_to(plain)
    assert read(link) == [b'{"id":1}']

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        for place in (tmp_path, pipe, pipe.as_uri(), tmp_path / "socket", "/dev/zero", "/dev/stdin", "/dev/tty"):
            with pytest.raises(BatchFileError, match=r"cannot be read: (it is not a regular file|\[Errno 2\])"):
                read(place)


@pytest.mark.parametrize(
    "place", ["/proc/self/environ", "/proc/../proc/self/cmdline", "//proc/self/environ", "file:///proc/self/environ"]
)
def test_the_files_of_the_kernel_are_not_read(place: str, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/proc/self/environ")
    for address in (place, link, tmp_path / ".." / tmp_path.name / "link"):
        with pytest.raises(BatchFileError, match=r"it is in one of the folders /dev, /proc, /sys\.$"):
            read(address)


def test_an_error_of_a_library_does_not_show_the_secrets_of_an_address(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    address = "s3://key:a-password@bucket/a?signature=0123456789abcdef0"

    def fail(name: str, _mode: str) -> None:
        logging.getLogger("library").warning("asked for %s", name)
        raise OSError(f"403 for {name}, signature 0123456789abcdef0 of key:a-password")

    monkeypatch.setattr(fsspec, "open", fail)
    install()
    with pytest.raises(BatchFileError, match=r"s3://bucket/a cannot be read: 403 for s3://\*\*\*") as caught:
        read(address)
    for text in (str(caught.value), caplog.text):
        assert "a-password" not in text
        assert "0123456789abcdef0" not in text


LONG = b'{"id":2,"text":"' + b"x" * (2 * MEGABYTE) + b'"}\n'


@pytest.mark.parametrize("compression", [None, "gzip"])
@pytest.mark.parametrize("inline", [False, True])
def test_a_long_line_of_a_file_is_refused(inline: bool, compression: str | None, tmp_path: Path) -> None:  # noqa: FBT001
    content = b'{"id":1}\n' + LONG + b'{"id":3}\n'
    path = tmp_path / "jobs"
    path.write_bytes(gzip.compress(content, mtime=0) if compression else content)
    address = "data:;base64," + base64.b64encode(path.read_bytes()).decode() if inline else path
    reason = r"cannot be read: line 2 is longer than 2097152 bytes\. .* `max_line_bytes`\.$"
    with pytest.raises(BatchFileError, match=reason):
        read(address, compression=compression)
    higher = BatchLimits(schemes=[], longest_line=3 * MEGABYTE)
    assert len(read(address, compression=compression, limits=higher)) == 3


def test_a_long_row_of_a_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "jobs.parquet"
    rows = 50
    pq.write_table(pa.table({"id": range(rows), "text": [os.urandom(MEGABYTE // 2).hex()] * rows}), path)
    assert len(read(path, form="parquet")) == rows
    for lengths in ([2 * MEGABYTE], [2 * MEGABYTE, 0, 0]):  # the second is short on average
        pq.write_table(pa.table({"text": ["x" * length for length in lengths]}), path)
        with pytest.raises(BatchFileError, match=r"cannot be read: a row is longer than 2097152 bytes\."):
            read(path, form="parquet")


SHORT = BatchLimits(schemes=[], longest_line=MEGABYTE)


def peak_of_refusal(address: str | Path, compression: str | None = None) -> int:
    """Return the most memory (bytes) that was in use until a long line was refused."""
    tracemalloc.start()
    with pytest.raises(BatchFileError, match="line 1 is longer"):
        read(address, compression=compression, limits=SHORT)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_a_bomb_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes(100 * MEGABYTE), 1))
    assert peak_of_refusal(path, "gzip") < 12 * MEGABYTE


def test_escapes_do_not_fill_the_memory() -> None:
    address = "data:," + "%41" * (MEGABYTE + 1)
    assert peak_of_refusal(address) < 12 * MEGABYTE


def test_an_escape_is_not_cut_in_two() -> None:
    for shift in range(6):
        text = "x" * (MEGABYTE - shift)
        assert read(f"data:,%22{text}%C3%A9%22") == [f'"{text}é"'.encode()]
