"""Streams with every kind of value, drawn by a seed: the lines of a tap, round after round.

Values are JSON as a tap may write them, so that what JSON or Python cannot say exactly is in them, too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from support.singer import DECIMAL, INTEGER, STRING, TIMESTAMP, activate, schema, state

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

Shape = Literal["snapshot", "changes", "collapse"]
"""How a stream is read: complete snapshots; only changes, with records of deletions; snapshots that lose most rows."""

NUMBER: dict[str, Any] = {"type": ["number", "null"]}
DATE: dict[str, Any] = {"type": ["string", "null"], "format": "date"}
TIME: dict[str, Any] = {"type": ["string", "null"], "format": "time"}
BOOLEAN: dict[str, Any] = {"type": ["boolean", "null"]}
BIG: dict[str, Any] = {"type": ["number", "null"], "multipleOf": 1e-18}

TEXTS = [
    *('""', '"a"', '"null"', '"NULL"', '"NaN"', '"true"', '"0"', '"[]"', '"O\'Brien"', '"back`tick \\" \\\\"'),
    *('"\\u2028\\u2029"', '"\\ud83d\\ude00 \u00e9 e\\u0301"', '"AAEC/w=="', '"\\\\xff\\\\u0000"', '"line\\r\\n\\ttab"'),
    *(
        json.dumps("x" * 3000),
        '"\\u007f\\u0001"',
        '" lead and trail "',
        '"@p_0 ${x} {0} %s"',
        '"\'); DROP TABLE x; --"',
    ),
]
INTEGERS = ["0", "-1", "9223372036854775807", "-9223372036854775808", "9007199254740993", "1e3"]
FLOATS = ["0.0", "-0.0", "0.1", "1e300", "5e-324", "1.7976931348623157e308", "NaN", "-Infinity", "3"]
NUMERICS = ["0", "0.1", "-0.000000001", "99999999999999999999999999999.999999999", "1.50", "12345678901234567890.5"]
BIGS = ["0.123456789012345678", "-1e-18", "12345678901234567890.000000000000000001", "7"]
TIMESTAMPS = [
    *('"0001-01-01T00:00:00Z"', '"9999-12-31T23:59:59.999999Z"', '"2024-05-01T10:00:00.000001+02:00"'),
    *('"1969-12-31T23:59:59.999999Z"', '"2024-02-29T12:00:00"', '"2024-05-01T08:00:00.1234567Z"'),
]
DATES, TIMES = ['"0001-01-01"', '"9999-12-31"', '"2024-02-29"'], ['"00:00:00"', '"23:59:59.999999"', '"08:00:01"']
BOOLEANS = ["true", "false"]
DOCUMENTS = [
    *("{}", "[]", '"text"', "5", "-0.5", "false", '{"b":[1,null,{"c":"\\u00e9\\u2028"}],"a":null}', "[[1],[2,[3]]]"),
    *('{"k.e\\"y":"v","":1}', "9007199254740993", "1e3", '{"deep":{"deeper":{"deepest":[0.1]}}}'),
]

COLUMNS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "text": (STRING, TEXTS),
    "whole": (INTEGER, INTEGERS),
    "real": (NUMBER, FLOATS),
    "price": (DECIMAL, NUMERICS),
    "big": (BIG, BIGS),
    "yes": (BOOLEAN, BOOLEANS),
    "moment": (TIMESTAMP, TIMESTAMPS),
    "day": (DATE, DATES),
    "clock": (TIME, TIMES),
    "anything": ({}, DOCUMENTS),
    "grid": ({"type": ["array", "null"], "items": {"type": "array", "items": INTEGER}}, ["[[1,2],[]]", "[]", "[[3]]"]),
}
"""Columns by name: their JSON Schema, and the JSON of their values."""


def _array(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": ["array", "null"], "items": items}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": ["object", "null"], "properties": properties}


def _compose(dice: Random, *, zero: bool) -> dict[str, tuple[dict[str, Any], list[str]]]:
    """Return some columns, and arrays, objects and arrays of objects made of them."""
    plain = {name: COLUMNS[name] for name in dice.sample(sorted(COLUMNS), dice.randint(3, len(COLUMNS)))}
    if zero:
        plain["text"] = (STRING, [*TEXTS, '"zero \\u0000"'])
    inner = {name: COLUMNS[name] for name in dice.sample(sorted(COLUMNS), 3)}
    leaf, many = dice.choice([name for name in COLUMNS if name not in {"anything", "grid"}]), "many"
    properties = {**{name: shape for name, (shape, _) in inner.items()}, many: _array(COLUMNS[leaf][0])}

    def draw_array(values: list[str]) -> str:
        return f"[{','.join(dice.choices(values, k=dice.randint(0, 3)))}]"

    def draw_object() -> str:
        said = [
            f'"{name}":{dice.choice(["null", *values])}' for name, (_, values) in inner.items() if dice.random() < 0.8
        ]
        if dice.random() < 0.7:
            said.append(f'"{many}":{draw_array(COLUMNS[leaf][1])}')
        return f"{{{','.join(said)}}}"

    objects = [draw_object() for _ in range(8)]
    return {
        **plain,
        "list": (_array(COLUMNS[leaf][0]), [draw_array(COLUMNS[leaf][1]) for _ in range(6)]),
        "object": (_object(properties), objects),
        "objects": (_array(_object(properties)), [draw_array(objects) for _ in range(6)]),
    }


@dataclass
class DrawnStream:
    """One stream: what it brings in each round."""

    name: str
    shape: Shape
    dice: Random
    has_zero: bool = False
    """Whether texts have the character U+0000."""
    rows: dict[int, str] = field(default_factory=dict)
    """The rows at the source, by `id`: the JSON of their records without the braces."""
    gone: set[int] = field(default_factory=set)
    round: int = 0

    def __post_init__(self) -> None:
        """Draw its columns."""
        self._columns = _compose(self.dice, zero=self.has_zero)

    def lines(self) -> list[dict[str, Any] | bytes]:
        """Let the source change, and return the messages of one more round."""
        self.round += 1
        self._change()
        first = schema(self.name, {"id": INTEGER, **{name: shape for name, (shape, _) in self._columns.items()}})
        if self.shape == "changes":
            return [first, *self._records(None), *self._deletions()]
        return [first, *self._records(self.round), activate(self.name, self.round)]

    def _change(self) -> None:
        if self.shape == "collapse" and self.round == 2:
            self.gone, self.rows = {*self.rows} - {1}, {1: self._draw(1)}
            return
        for key in [key for key in self.rows if self.dice.random() < 0.15]:
            del self.rows[key]
            self.gone.add(key)
        for key in [*(key for key in self.rows if self.dice.random() < 0.3), *self.dice.sample(range(1, 15), 7)]:
            self.rows[key] = self._draw(key)
            self.gone.discard(key)

    def _draw(self, key: int) -> str:
        values = {
            name: self.dice.choice([*values, "null"])
            for name, (_, values) in self._columns.items()
            if self.dice.random() < 0.9
        }
        return ",".join([f'"id":{key}', *(f'"{name}":{value}' for name, value in values.items())])

    def _records(self, version: int | None) -> list[bytes]:
        keys = list(self.rows)
        self.dice.shuffle(keys)
        said = [(key, self.rows[key]) for key in keys]
        earlier = [(key, self._draw(key)) for key in keys if self.dice.random() < 0.2]
        return [self._line(record, version) for _, record in [*earlier, *said]]

    def _deletions(self) -> list[bytes]:
        known = [f'"id":{key},"_sdc_deleted_at":"2024-05-01T00:00:00Z"' for key in sorted(self.gone)]
        born = f'{self._draw(100 + self.round)},"_sdc_deleted_at":"2024-05-01T00:00:00Z"'
        return [self._line(record, None) for record in (*known, born)]

    def _line(self, record: str, version: int | None) -> bytes:
        said = "" if version is None else f',"version":{version}'
        return f'{{"type":"RECORD","stream":"{self.name}","record":{{{record}}}{said}}}'.encode()


def together(parts: Iterable[list[dict[str, Any] | bytes]], bookmarks: dict[str, int]) -> list[dict[str, Any] | bytes]:
    """Return the messages of several streams, with a STATE of all of them at the end."""
    return [*(message for part in parts for message in part), state({"bookmarks": bookmarks})]
