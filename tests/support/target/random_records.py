"""Random schemas and records from a seed: ordinary ones, with awkward values and broken lines among them."""

from __future__ import annotations

import base64
import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from target_bigquery_softdelete.schema.from_json_schema import ColumnRules, table_columns

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_bigquery_softdelete.schema.columns import TableColumns

Schema = dict[str, Any]

NAMES = ["name", "Unit Price", "größe", "a.b", "日本", "_sdc_lsn", "x" * 301]
ODD_NAMES = ['q"uote', "sl\\ash", "line\nfeed", ""]
"""With one of these, native code reads no block that has a JSON column or an unsafe number."""

SCALARS: list[Schema] = [
    {"type": ["integer", "null"]},
    {"type": ["integer", "null"], "minimum": 0, "maximum": 2**64 - 1},
    {"type": ["number", "null"]},
    {"type": ["number", "null"], "multipleOf": 0.01},
    {"type": ["number", "string", "null"], "format": "decimal"},
    {"type": ["number", "null"], "multipleOf": 1e-12},
    {"type": "boolean"},
    {"type": ["string", "null"]},
    *({"type": ["string", "null"], "format": form} for form in ("date-time", "date", "time", "uuid")),
    {"type": ["string", "null"], "contentEncoding": "base64"},
    {"type": ["object", "null"]},
    {"type": ["array", "null"]},
    {"type": ["integer", "string"]},
    {"type": "null"},
    {},
]

NUMBERS = ["0", "-0", "-0.0", "1", "1.0", "1e5", "1E-3", "1e-48", "1e66", "1e400", "1e-999999999", "0.1"]
NUMBERS += ["9223372036854775807", "9223372036854775808", "18446744073709551616", "123456789012345678901234567890.5"]
NUMBERS += ["19.990000000000002", "1234567.990000001", "NaN", "Infinity", "-Infinity"]

TEXTS = ["", "1", "01", "+1", "1e5", "true", "nan", "[1", '{"k":[1.50]}', "é😀", "\x00"]
TEXTS += ["2024-02-29", "2023-02-29", "0000-01-01", "0001-01-01T00:00:00+01:00", "2024-05-06T07:08:09.1234567"]
TEXTS += ["2024-05-06 07:08", "8:00:01", "24:00:00", "30:15:00", "08:00:01+02:00"]

AWKWARD = [
    *NUMBERS,
    *map(json.dumps, TEXTS),
    *("null", "true", "false", "{}", "[]", "[[]]", "[null]", '{"k":{"k":1e5}}', '[1,"a"]'),
    *(r'"\u0031"', r'"\u002d1"', r'"\ud800"', r'"\ud83d\ude00"', r'{"\ud800":1}'),
]
"""Values that some column refuses, or that the two paths could read differently."""

NO_RECORDS = [b"null", b"[]", b"[{}]", b"7", b'"text"', b"true", b"{", b"{}}", b'{"id":}', b"\xff"]
"""Lines in place of records."""


@dataclass(frozen=True)
class RandomStream:
    """A stream with a schema and records."""

    columns: TableColumns
    records: list[bytes]
    """One text each, without a line feed. Some are no records."""

    @property
    def block(self) -> bytes:
        """The records as a block."""
        return b"".join(record + b"\n" for record in self.records)


def random_stream(seed: int, count: int, *, awkward: float = 0.02, broken: float = 0.001) -> RandomStream:
    """Return a stream that a seed stands for.

    Args:
        seed: The seed.
        count: How many records it has.
        awkward: The share of awkward values.
        broken: The share of lines that are no records.
    """
    draw = random.Random(seed)
    rules = ColumnRules(
        naming="unique",
        keep_extra=draw.random() < 0.2,
        keep_absent=draw.random() < 0.2,
        parse_json_text=draw.random() < 0.8,
        round_noise=draw.random() < 0.8,
        times_as_text=draw.random() < 0.2,
    )
    names = [*NAMES, *ODD_NAMES] if draw.random() < 0.1 else NAMES
    properties = {
        "id": {"type": "integer"},
        **{name: _schema(draw, 0) for name in draw.sample(names, draw.randint(1, 6))},
    }
    columns = table_columns({"properties": properties}, ["id"], stream="rows", rules=rules)
    records = [
        draw.choice(NO_RECORDS)
        if draw.random() < broken
        else _object(draw, properties, awkward).encode("utf-8", "replace")
        for _ in range(count)
    ]
    return RandomStream(columns, records)


def _schema(draw: random.Random, depth: int) -> Schema:
    if depth < 2 and draw.random() < 0.3:
        inner = {name: _schema(draw, depth + 1) for name in draw.sample(NAMES, draw.randint(1, 3))}
        nested: Schema = {"type": ["object", "null"], "properties": inner}
        return nested if draw.random() < 0.5 else {"type": ["array", "null"], "items": nested}
    scalar = draw.choice(SCALARS)
    return {"type": ["array", "null"], "items": scalar} if draw.random() < 0.15 else scalar


def _object(draw: random.Random, properties: dict[str, Schema], awkward: float) -> str:
    members = [
        (name, str(draw.randint(0, 99)) if name == "id" and draw.random() > awkward else _value(draw, schema, awkward))
        for name, schema in properties.items()
        if name == "id" or draw.random() < 0.85
    ]
    if draw.random() < 0.01:
        members.append((draw.choice(["unknown", "_sdc_deleted_at", "id"]), draw.choice(["1e5", '"x"', "null", "[1]"])))
    if draw.random() < 0.3:
        draw.shuffle(members)
    between = draw.choice([",", ", "])
    return "{" + between.join(f"{_text(draw, name)}:{value}" for name, value in members) + "}"


def _value(draw: random.Random, schema: Schema, awkward: float) -> str:
    if draw.random() < awkward:
        return draw.choice(AWKWARD)
    if draw.random() < 0.1:
        return "null"
    if "properties" in schema:
        return _object(draw, schema["properties"], awkward)
    if "items" in schema:
        items = (_value(draw, schema["items"], awkward) for _ in range(draw.randint(0, 3)))
        # A null in an array goes by row.
        return "[" + ",".join(item for item in items if item != "null" or draw.random() < awkward) + "]"
    kinds = [schema.get("type", "string")] if isinstance(schema.get("type", "string"), str) else schema["type"]
    return _ORDINARY[draw.choice(kinds)](draw, schema)


def _number(draw: random.Random, schema: Schema) -> str:
    is_decimal = "multipleOf" in schema or "format" in schema
    form = "{:.2f}" if is_decimal and draw.random() < 0.995 else draw.choice(["{:.2f}", "{}", "{:e}"])
    return form.format(draw.uniform(-1e9, 1e9))


def _text(draw: random.Random, text: str) -> str:
    return json.dumps(text, ensure_ascii=draw.random() < 0.5)


def _string(draw: random.Random, schema: Schema) -> str:
    day = f"{draw.randint(1, 9999):04}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}"
    clock = f"{draw.randint(0, 23):02}:{draw.randint(0, 59):02}:{draw.randint(0, 59):02}"
    fraction = draw.choice(["", f".{draw.randint(0, 999999999)}"])
    texts = {
        "date": day,
        "time": f"{clock}{fraction}",
        "date-time": f"{day}{draw.choice('T ')}{clock}{fraction}{draw.choice(['', 'Z', '+02:00', '-0530'])}",
        "decimal": f"{draw.randint(-(10**12), 10**12) / 1000:.3f}",
    }
    if "contentEncoding" in schema:
        return f'"{base64.b64encode(draw.randbytes(draw.randint(0, 9))).decode()}"'
    characters = 'abc ÄÖ日😀\n\t"\\/{}[]:,0123456789-+.eE'
    return _text(draw, texts.get(schema.get("format", ""), "".join(draw.choices(characters, k=draw.randint(0, 12)))))


_ORDINARY: dict[str, Callable[[random.Random, Schema], str]] = {
    "null": lambda _draw, _schema: "null",
    "boolean": lambda draw, _schema: draw.choice(["true", "false"]),
    "integer": lambda draw, _schema: str(draw.randint(-(2**40), 2**40)),
    "number": _number,
    "string": _string,
    "object": lambda draw, _schema: json.dumps({"k": draw.random(), "a": [draw.randint(0, 9), None]}),
    "array": lambda draw, _schema: json.dumps([draw.random(), {"k": draw.choice("äb")}]),
}
