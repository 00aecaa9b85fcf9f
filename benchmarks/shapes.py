"""Singer files of several shapes: the same bytes every time, on every machine."""

from __future__ import annotations

import datetime as dt
import hashlib
import random
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Json = dict[str, Any]

ROWS_PER_STATE = 10_000
DISTINCT = 20_000
"""Later records repeat the first ones with other ids, because drawing random values for millions takes minutes."""

EXTRACTED = "2026-01-01T00:00:00.000000Z"
WORDS = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet")
FIRST_TIME = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def _nullable(kind: str, **more: Any) -> Json:  # noqa: ANN401 - any JSON
    return {"type": ["null", kind], **more}


INTEGER = _nullable("integer")
NUMBER = _nullable("number")
TEXT = _nullable("string")
BOOLEAN = _nullable("boolean")
DATE_TIME = _nullable("string", format="date-time")
DATE = _nullable("string", format="date")


def _object(**properties: Json) -> Json:
    return _nullable("object", properties=properties)


@dataclass(frozen=True)
class Shape:
    """A kind of record. The key is `id`, and `modifiedOn` says when it changed.

    Attributes:
        name: Name of the shape.
        properties: The JSON Schema of each property but `id`.
        draw: Draws a record by its number, without `id`.
    """

    name: str
    properties: Json
    draw: Callable[[int, random.Random], Json]

    def schema(self, stream: str) -> Json:
        """Return the SCHEMA message."""
        schema = {"type": "object", "properties": {"id": {"type": "integer"}, **self.properties}}
        keys = {"key_properties": ["id"], "bookmark_properties": ["modifiedOn"]}
        return {"type": "SCHEMA", "stream": stream, "schema": schema, **keys}

    def tails(self, count: int) -> list[bytes]:
        """Return the first records as JSON, without the brace and the id that they begin with."""
        generator = random.Random(42)  # noqa: S311 - repeatable numbers
        return [orjson.dumps(self.draw(number, generator))[1:] for number in range(count)]

    @cached_property
    def digest(self) -> str:
        """A hash of the content, so that no kept file is out of date."""
        content = b"".join([orjson.dumps(self.properties), *self.tails(10)])
        return hashlib.sha256(content).hexdigest()[:8]


def write_singer_file(path: Path, shape: Shape, rows: int, streams: Sequence[str]) -> None:
    """Write a SCHEMA for each stream, records, and a STATE after each ten thousand of them and at the end.

    Args:
        path: The file.
        shape: What the records look like.
        rows: How many records each stream has.
        streams: The streams. They take turns, a record each.
    """
    tails = shape.tails(min(rows, DISTINCT))
    heads = [b'{"type":"RECORD","stream":"%b","record":{"id":' % stream.encode() for stream in streams]
    end = b',"time_extracted":"%b"}\n' % EXTRACTED.encode()
    with path.open("wb") as file:
        file.writelines(orjson.dumps(shape.schema(stream)) + b"\n" for stream in streams)
        for first in range(0, max(1, rows), ROWS_PER_STATE):
            numbers = range(first, min(first + ROWS_PER_STATE, rows))
            file.writelines(
                b"%b%d,%b%b" % (head, number + 1, tails[number % DISTINCT], end) for number in numbers for head in heads
            )
            bookmarks = dict.fromkeys(streams, numbers.stop)
            file.write(orjson.dumps({"type": "STATE", "value": {"bookmarks": bookmarks}}) + b"\n")


def _at(seconds: int) -> str:
    return f"{FIRST_TIME + dt.timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


def _words(generator: random.Random) -> str:
    return f"{generator.choice(WORDS)} {generator.choice(WORDS)} {generator.randrange(99999)}"


def _flip(generator: random.Random) -> bool:
    return bool(generator.getrandbits(1))


def _draw_row(number: int, generator: random.Random) -> Json:
    return {
        "int_0": number * 7,
        **{f"int_{i}": generator.randrange(1 << 31) for i in range(1, 6)},
        **{f"num_{i}": round(generator.random() * 10000, 2) for i in range(4)},
        "str_0": _words(generator) if number % 7 else None,
        **{f"str_{i}": _words(generator) for i in range(1, 8)},
        **{f"bool_{i}": _flip(generator) for i in range(4)},
        "createdOn": _at(number * 60),
        "modifiedOn": _at(number * 60 + 3600),
        "scheduledOn": _at(number * 60 + 7200),
        "completedOn": _at(number * 60 + 10800) if number % 3 else None,
        "address": {
            "street": f"{number} Main St",
            "city": WORDS[number % 10],
            "zip": f"{number % 100000:05d}",
            "lat": round(generator.uniform(-90, 90), 6),
            "lng": round(generator.uniform(-180, 180), 6),
        },
        "customer": {
            "id": number % 5000,
            "name": WORDS[number % 10].title(),
            "active": True,
            "contact": {"email": f"u{number}@example.com", "phone": f"555-{number % 10000:04d}"},
        },
        "items": [_draw_item(generator) for _ in range(number % 3 + 1)],
    }


def _draw_item(generator: random.Random) -> Json:
    return {
        "sku": f"SKU{generator.randrange(999)}",
        "qty": generator.randrange(1, 9),
        "price": round(generator.random() * 100, 2),
    }


ROWS = Shape(
    "rows",
    {
        **{f"int_{i}": INTEGER for i in range(6)},
        **{f"num_{i}": NUMBER for i in range(4)},
        **{f"str_{i}": TEXT for i in range(8)},
        **{f"bool_{i}": BOOLEAN for i in range(4)},
        **dict.fromkeys(("createdOn", "modifiedOn", "scheduledOn", "completedOn"), DATE_TIME),
        "address": _object(street=TEXT, city=TEXT, zip=TEXT, lat=NUMBER, lng=NUMBER),
        "customer": _object(id=INTEGER, name=TEXT, active=BOOLEAN, contact=_object(email=TEXT, phone=TEXT)),
        "items": _nullable("array", items=_object(sku=TEXT, qty=INTEGER, price=NUMBER)),
    },
    _draw_row,
)
"""30 columns, 1 KB: 27 scalars, two objects, one of which has another in it, and an array of objects."""


def _draw_flat(number: int, generator: random.Random) -> Json:
    return {
        **{f"int_{i}": generator.randrange(1 << 31) for i in range(6)},
        **{f"num_{i}": round(generator.random() * 10000, 2) for i in range(4)},
        **{f"str_{i}": f"{_words(generator)} {_words(generator)}" for i in range(12)},
        **{f"bool_{i}": _flip(generator) for i in range(4)},
        "createdOn": _at(number * 60),
        "modifiedOn": _at(number * 60 + 3600),
        "completedOn": _at(number * 60 + 10800) if number % 3 else None,
    }


FLAT = Shape(
    "flat",
    {
        **{f"int_{i}": INTEGER for i in range(6)},
        **{f"num_{i}": NUMBER for i in range(4)},
        **{f"str_{i}": TEXT for i in range(12)},
        **{f"bool_{i}": BOOLEAN for i in range(4)},
        **dict.fromkeys(("createdOn", "modifiedOn", "completedOn"), DATE_TIME),
    },
    _draw_flat,
)
"""30 columns, 1 KB, all scalars."""


def _draw_narrow(number: int, generator: random.Random) -> Json:
    return {
        "name": _words(generator),
        "amount": round(generator.random() * 10000, 2),
        "active": _flip(generator),
        "modifiedOn": _at(number * 60),
    }


NARROW = Shape("narrow", {"name": TEXT, "amount": NUMBER, "active": BOOLEAN, "modifiedOn": DATE_TIME}, _draw_narrow)
"""5 columns, 0.1 KB."""

_WIDE_KINDS: tuple[tuple[str, Json, Callable[[int, random.Random], object]], ...] = (
    ("int", INTEGER, lambda _, generator: generator.randrange(1 << 31)),
    ("num", NUMBER, lambda _, generator: round(generator.random() * 10000, 2)),
    ("str", TEXT, lambda _, generator: _words(generator)),
    ("bool", BOOLEAN, lambda _, generator: _flip(generator)),
    ("at", DATE_TIME, lambda number, _: _at(number * 60)),
    ("code", TEXT, lambda number, generator: generator.choice(WORDS) if number % 3 else None),
)


def _wide(name: str, columns: int) -> Shape:
    """Return a shape with a number of columns, of six kinds in turn."""
    kinds = [(f"{kind}_{i}", schema, draw) for i, (kind, schema, draw) in zip(range(columns - 2), cycle(_WIDE_KINDS))]

    def draw_record(number: int, generator: random.Random) -> Json:
        return {"modifiedOn": _at(number * 60), **{column: draw(number, generator) for column, _, draw in kinds}}

    return Shape(name, {"modifiedOn": DATE_TIME, **{column: schema for column, schema, _ in kinds}}, draw_record)


WIDE = _wide("wide", 200)
"""200 columns, 5 KB."""

TWENTY_COLUMNS = _wide("twenty", 20)
"""20 columns, 0.4 KB."""

THOUSAND_COLUMNS = _wide("thousand", 1000)
"""1,000 columns, 25 KB."""


def huge(megabytes: int) -> Shape:
    """Return the shape of a record with a text of some megabytes."""
    text = "x" * (megabytes * 2**20)
    return Shape("huge", {"text": TEXT, "modifiedOn": DATE_TIME}, lambda _, __: {"text": text, "modifiedOn": _at(0)})


def _draw_nested(number: int, generator: random.Random) -> Json:
    return {
        "modifiedOn": _at(number * 60),
        "location": {
            "city": WORDS[number % 10],
            "geo": {"lat": generator.random(), "source": {"name": "gps", "rank": 1}},
        },
        "tags": [generator.choice(WORDS) for _ in range(number % 4)],
        "visits": [
            {
                "on": _at(number * 60 + i),
                "technician": {"id": generator.randrange(500), "name": generator.choice(WORDS)},
                "parts": [_draw_item(generator) for _ in range(2)],
            }
            for i in range(number % 3)
        ],
    }


NESTED = Shape(
    "nested",
    {
        "modifiedOn": DATE_TIME,
        "location": _object(city=TEXT, geo=_object(lat=NUMBER, source=_object(name=TEXT, rank=INTEGER))),
        "tags": _nullable("array", items=TEXT),
        "visits": _nullable(
            "array",
            items=_object(
                on=DATE_TIME,
                technician=_object(id=INTEGER, name=TEXT),
                parts=_nullable("array", items=_object(sku=TEXT, qty=INTEGER, price=NUMBER)),
            ),
        ),
    },
    _draw_nested,
)
"""5 columns, 0.5 KB: objects three levels deep, arrays of scalars, of objects, and of objects with arrays."""


def _draw_exact(number: int, generator: random.Random) -> Json:
    return {
        "modifiedOn": _at(number * 60),
        **{f"amount_{i}": round(generator.random() * 10000, 2) for i in range(10)},
        **{f"day_{i}": _at((number % 3000) * 86400)[:10] for i in range(5)},
        **{f"at_{i}": _at(number * 60 + i).replace("Z", f".{generator.randrange(10**6):06d}Z") for i in range(5)},
        **{f"local_{i}": _at(number * 60 + i).replace("Z", "+02:00") for i in range(3)},
    }


EXACT = Shape(
    "exact",
    {
        "modifiedOn": DATE_TIME,
        **{f"amount_{i}": _nullable("number", multipleOf=0.01) for i in range(10)},
        **{f"day_{i}": DATE for i in range(5)},
        **{f"at_{i}": DATE_TIME for i in range(5)},
        **{f"local_{i}": DATE_TIME for i in range(3)},
    },
    _draw_exact,
)
"""25 columns, 0.8 KB: ten decimals, fourteen dates and times."""
