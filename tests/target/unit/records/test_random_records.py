"""One record, several ways: natively or by row, in a RECORD message or in a file, read by the target or by Python."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from support.target.random_records import RandomStream, random_stream
from target_bigquery_softdelete.errors import BadInputError, BatchFileError, InvalidRecordError, NeedsBigNumericError
from target_bigquery_softdelete.records.block_converter import BlockConverter
from target_bigquery_softdelete.records.json_text import parse_json
from target_bigquery_softdelete.singer.batch import Batch, BatchLimits
from target_bigquery_softdelete.singer.reader import BlockReader

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

SEEDS = 60
LONG_SEEDS = 500
"""With 2,000 records each: a million."""

CASES = [
    *(pytest.param(range(first, first + 20), 60, id=f"seeds-{first}") for first in range(0, SEEDS, 20)),
    *(
        pytest.param(range(first, first + 10), 2_000, id=f"long-{first}", marks=pytest.mark.long)
        for first in range(1_000, 1_000 + LONG_SEEDS, 10)
    ),
]

BLOCK = 10
"""Records of a block: most blocks have no awkward value."""


def by_row(blocks: BlockConverter, raw: bytes) -> tuple[pa.Table, int] | None:
    """Convert a block record by record, or return None if a record does not fit."""
    try:
        return blocks.convert_by_record(raw)
    except (InvalidRecordError, NeedsBigNumericError):
        return None


@pytest.mark.parametrize(("seeds", "count"), CASES)
def test_native_code_reads_what_the_row_path_reads_or_nothing(seeds: range, count: int) -> None:
    native_blocks = 0
    for seed in seeds:
        stream = random_stream(seed, count, awkward=0.003)
        blocks = BlockConverter(stream.columns, "rows")
        for first in range(0, count, BLOCK):
            raw = RandomStream(stream.columns, stream.records[first : first + BLOCK]).block
            native = blocks.convert_natively(raw)
            if native is None:
                continue
            native_blocks += 1
            row = by_row(blocks, raw)
            assert row is not None, f"seed {seed}, record {first}: only native code reads it"
            # As text: NaN equals itself there, and -0 does not equal 0.
            assert repr(native.to_pylist()) == repr(row[0].to_pylist()), f"seed {seed}, record {first}"
            assert (native.schema, row[1]) == (row[0].schema, 0), f"seed {seed}, record {first}"
    assert native_blocks > len(seeds) * count / BLOCK / 5


def messages_of(lines: bytes) -> list[bytes] | None:
    """Return the records that the target reads from its input, or None if it refuses it."""
    found: list[bytes] = []
    reader = BlockReader()
    try:
        reader.process_lines(io.BytesIO(lines), {"RECORD": lambda batch: found.extend(map(bytes, batch["records"]))})
    except BadInputError:
        return None
    return found


def plain(line: bytes) -> Any:  # noqa: ANN401 - any JSON
    """Return a line as Python's own reader reads it, with all digits."""
    return json.loads(line, parse_float=Decimal)


def is_json(line: bytes) -> bool:
    """Return whether Python reads a line as JSON."""
    try:
        plain(line)
    except ValueError:
        return False
    return True


def whole(value: object) -> str:
    """Return a value as text, with U+FFFD for half of a character, as the target has it."""
    return (
        json.dumps(value, default=str, sort_keys=True, ensure_ascii=False)
        .encode("utf-16", "surrogatepass")
        .decode("utf-16", "replace")
    )


@pytest.mark.parametrize(("seeds", "count"), CASES)
def test_a_record_is_the_same_in_a_message_in_a_file_and_for_python(seeds: range, count: int, tmp_path: Path) -> None:
    for seed in seeds:
        records = [record for record in random_stream(seed, count).records if is_json(record)]
        lines = b"".join(b'{"type":"RECORD","stream":"rows","record":%b}\n' % record for record in records)
        file = tmp_path / f"{seed}.jsonl"
        file.write_bytes(b"".join(record + b"\n" for record in records))
        batch = Batch.of({"stream": "rows", "encoding": {"format": "jsonl"}, "manifest": [file.as_uri()]})

        by_message = messages_of(lines)
        by_file = [bytes(record) for part in batch.records(BatchLimits((), 1 << 28)) for record in part]

        assert by_message is not None, f"seed {seed}"
        assert len(by_message) == len(by_file) == len(records), f"seed {seed}"
        for number, (in_message, in_file, record) in enumerate(zip(by_message, by_file, records, strict=True)):
            expected = whole(plain(record))
            assert whole(parse_json(in_message)) == expected, f"seed {seed}, record {number}"
            assert whole(parse_json(in_file)) == expected, f"seed {seed}, record {number}"


@pytest.mark.parametrize("line", [b"{", b"{}}", b'{"id":}', b"\xff", b'"\\x41"', b"[1,]"])
def test_what_is_no_json_is_refused_in_a_message_and_in_a_file(line: bytes, tmp_path: Path) -> None:
    assert messages_of(b'{"type":"RECORD","stream":"rows","record":%b}\n' % line) is None
    file = tmp_path / "rows.jsonl"
    file.write_bytes(line + b"\n")
    batch = Batch.of({"stream": "rows", "encoding": {"format": "jsonl"}, "manifest": [file.as_uri()]})
    with pytest.raises(BatchFileError, match="line 1"):
        list(batch.records(BatchLimits((), 1 << 28)))
