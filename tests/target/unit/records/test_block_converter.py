"""The native path and the row path give the same table, or the native path gives none."""

from __future__ import annotations

import base64
import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from target_bigquery_softdelete.errors import InvalidRecordError, MissingKeyError, NeedsBigNumericError
from target_bigquery_softdelete.records import arrow
from target_bigquery_softdelete.records.block_converter import BlockConverter
from target_bigquery_softdelete.schema.columns import Column, Kind, TableColumns
from target_bigquery_softdelete.schema.system_columns import DELETED, SEQUENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

ID = Column("id", "id", Kind.INT64)

VALUES = Path(__file__).parent / "values"

# ---------------------------------------------------------------- values that are special, or look special

NUMBERS = (VALUES / "numbers.txt").read_text().split()
NUMBERS += [
    "1" * 29 + "." + "1" * 9,
    "1" * 30,
    "1" + "0" * 29,
    "17" + "0" * 28,
    "5" + "0" * 29,
    "1" * 38 + "." + "1" * 38,
]
NUMBERS += ["1" * 39, "1" * 67, "1" * 400, "1" * 5000, "1." + "0" * 60, "0." + "0" * 47 + "1", "0." + "1" * 38]

QUOTED = [
    "",
    " 1",
    "1 ",
    "1e",
    "1_0",
    "5.",
    ".5",
    "+1.5",
    "1,5",
    "nan",
    "inf",
    "null",
    "true",
    "TRUE",
    "False",
    "yes",
    "{}",
    "[]",
]
QUOTED += ["\u0661", "1\u0662", "1e2", "1e-2", "1e9999", "é\U0001f600", "\x00", '\b\f\n\r\t\x1f\x7f/"\\', "x" * 300]

TIMES = (VALUES / "times.txt").read_text().split()
TIMES += [
    "2024-05-06 07:08:09",
    "2024-05-06T07:08:09 +01:00",
    " 2024-05-06T07:08:09Z",
    "2024-05-06T07:08:09Z ",
    "٢٠٢٤-01-01",
]


def escaped(text: str) -> str:
    """Return a text as JSON may write it, too."""
    return "".join(f"\\u{ord(character):04X}" for character in text)


TOKENS = [
    *(f'"{escaped(text)}"'.encode() for text in (*NUMBERS, *TIMES)),
    *(f'"{escaped(text[0])}{text[1:]}"'.encode() for text in (*NUMBERS, *TIMES)),
    *(f'"{text[:-1]}{escaped(text[-1])}"'.encode() for text in NUMBERS),
    *(number.encode() for number in NUMBERS),
    *(f'"{number}"'.encode() for number in NUMBERS),
    *(json.dumps(text, ensure_ascii=ascii_only).encode() for text in (*QUOTED, *TIMES) for ascii_only in (True, False)),
    *(
        b"null",
        b"true",
        b"false",
        b"{}",
        b"[]",
        b"[[]]",
        b"[null]",
        b" 1 ",
        b'{"a":1,"a":2}',
        b'{"b":1,"a":[1.0,null]}',
    ),
    *(b'"\xff"', b'"\xed\xa0\x80"', b'"\\ud800"', b'"\\ud83d\\ude00"', b'{"\\ud800":1}', b'"\t"', b'"\\x41"', b"[NaN]"),
    *(
        b"[1e5,1e16,1e-7,1.5e300]",
        b"tru",
        b"",
        b"[" * 500 + b"]" * 500,
        b"[" * 501 + b"]" * 501,
        b"[" * 20_000 + b"]" * 20_000,
    ),
]
# ------------------------------------------------------------------------------------------------------ both paths


def converter(*columns: Column, key: tuple[str, ...] = ("id",)) -> BlockConverter:
    return BlockConverter(TableColumns((ID, *columns), key), "jobs")


def block(*records: str | bytes) -> bytes:
    return b"".join((record if isinstance(record, bytes) else record.encode()) + b"\n" for record in records)


def by_row(blocks: BlockConverter, raw: bytes) -> tuple[pa.Table, int] | None:
    try:
        return blocks.convert_by_record(raw)
    except (InvalidRecordError, NeedsBigNumericError):
        return None


def shown(table: pa.Table) -> str:
    """Return the rows as text, in which NaN equals itself, and -0 does not equal 0."""
    return repr(table.to_pylist())


def check_paths_agree(blocks: BlockConverter, raw: bytes) -> bool:
    """Check the property, and return whether the native path converted the block."""
    native, row = blocks.convert_natively(raw), by_row(blocks, raw)
    if native is not None:
        assert row is not None, f"the row path refuses what the native path reads as {native.to_pylist()}"
        table, dropped_nulls = row
        assert shown(native) == shown(table)
        assert native.schema == table.schema
        assert not dropped_nulls
    return native is not None


@pytest.mark.parametrize("repeated", [False, True], ids=["single", "repeated"])
@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in {Kind.STRUCT, Kind.NULL}])
def test_the_paths_agree_on_every_special_value(kind: Kind, repeated: bool) -> None:  # noqa: FBT001
    column = Column("v", "v", kind, repeated and kind is not Kind.JSON)
    taken = 0
    for seventh_digit_seen in (False, True):
        blocks = converter(column, Column("at", "at", Kind.TIMESTAMP))
        if seventh_digit_seen:  # from then on timestamps are read as text
            assert check_paths_agree(blocks, block('{"id":1,"at":"2024-01-01T00:00:00.1234567"}'))
        for token in TOKENS:
            value = b"[%b,%b]" % (token, token) if column.repeated else token
            taken += check_paths_agree(blocks, b'{"id":1,"v":%b}\n' % value)
    assert taken > 3  # the native path takes the ordinary ones


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in {Kind.STRUCT, Kind.JSON, Kind.NULL}])
def test_the_paths_agree_on_every_special_value_of_a_key(kind: Kind) -> None:
    taken = 0
    for seventh_digit_seen in (False, True):
        blocks = BlockConverter(TableColumns((Column("v", "v", kind), Column("at", "at", Kind.TIMESTAMP)), ("v",)), "x")
        if seventh_digit_seen:
            at = b'"at":"2024-01-01T00:00:00.1234567"'
            assert any(check_paths_agree(blocks, b'{"v":%b,%b}\n' % (token, at)) for token in TOKENS)
        for token in TOKENS:
            taken += check_paths_agree(blocks, b'{"v":%b}\n' % token)
    assert taken > 3


@pytest.mark.parametrize(
    ("column", "least"),
    [
        (Column("v", "v", Kind.NUMERIC, decimals=2), 50),
        (Column("v", "v", Kind.NUMERIC, repeated=True, decimals=0), 50),
        (Column("v", "v", Kind.BIGNUMERIC, decimals=12), 50),
        (Column("v", "v", Kind.JSON, parses_text=True), 100),
    ],
    ids=["cents", "whole", "long", "text"],
)
def test_the_paths_agree_on_values_with_rules(column: Column, least: int) -> None:
    noise = [
        b"19.990000000000002",
        b"1234567.990000001",
        b"-1234567.99000001",
        b"0.1000000000000000055",
        b"9999999.995",
    ]
    texts = [
        b'"{\\"b\\": 1, \\"a\\": [1.0]}"',
        b'" [1e5]"',
        b'"[NaN]"',
        b'"[1"',
        b'"{\\"a\\":12345678901234567890123}"',
        b'"7"',
    ]
    tokens = [*TOKENS, *noise, *(b'"%b"' % number for number in noise), *texts]
    blocks = converter(column)
    values = (b"[%b]" % token if column.repeated else token for token in tokens)
    assert sum(check_paths_agree(blocks, b'{"id":1,"v":%b}\n' % value) for value in values) > least


def test_exponents_beside_decimals_stay_in_native_code() -> None:
    item = Column("items", "items", Kind.STRUCT, repeated=True, fields=(Column("p", "p", Kind.NUMERIC),))
    blocks = converter(
        Column("p", "p", Kind.NUMERIC), Column("f", "f", Kind.FLOAT64), Column("s", "s", Kind.STRING), item
    )
    for fine in ('{"id":1,"p":1.5,"f":1e5,"s":"1e999","x":1e-999999999}', '{"id":1,"f":2E+7,"items":[{"p":1}]}'):
        assert check_paths_agree(blocks, block(fine))
        assert check_paths_agree(blocks, block(fine, '{"id":2}'))
    for unsafe in (
        '{"id":1,"p":1e5,"f":1}',
        '{"id":1,"items":[{"p":1},{"p":"1e66"}]}',
        '{"id":1,"p":1,"p":1e-999999999}',
    ):
        assert not check_paths_agree(blocks, block(unsafe)) or unsafe.count('"p"') == 2
    quoted = converter(Column('q"', "q", Kind.NUMERIC), Column("f", "f", Kind.FLOAT64))
    assert not check_paths_agree(quoted, block('{"id":1,"f":1e5}'))


def test_the_paths_agree_that_what_can_only_be_null_has_no_value() -> None:
    blocks = converter(Column("v", "v", Kind.NULL))
    for token in TOKENS:
        assert check_paths_agree(blocks, b'{"id":1,"v":%b}\n' % token) is (token == b"null")
    with pytest.raises(InvalidRecordError, match="record id=1: `v` must be null, as its schema allows nothing else"):
        blocks.convert_by_record(block('{"id":1,"v":""}'))


def test_the_paths_agree_on_every_special_time_of_a_deletion() -> None:
    for token in TOKENS:
        check_paths_agree(converter(), b'{"id":1,"_sdc_deleted_at":%b}\n' % token)


# ------------------------------------------------------------------------------------------------- random schemas

NAMES = ["a", "A b", "ä", "a.b", 'q"uote', "back`tick", "sl\\ash", "new\nline", "", "日本", "_sdc", "$ref", "a" * 400]

SCALARS = [kind for kind in Kind if kind not in {Kind.STRUCT, Kind.NULL}]


@st.composite
def columns(draw: st.DrawFn, depth: int = 0) -> tuple[Column, ...]:
    sources = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    return tuple(draw(a_column(source, f"c{i}", depth)) for i, source in enumerate(sources))


@st.composite
def a_column(draw: st.DrawFn, source: str, name: str, depth: int) -> Column:
    kind = draw(st.sampled_from(SCALARS if depth == 2 else [*SCALARS, Kind.STRUCT, Kind.STRUCT, Kind.STRUCT]))
    fields = draw(columns(depth + 1)) if kind is Kind.STRUCT else ()
    return Column(source, name, kind, draw(st.booleans()) and kind is not Kind.JSON, fields)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)

ORDINARY: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.INT64: st.integers(-(2**63), 2**63 - 1),
    Kind.FLOAT64: st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70),
    Kind.BOOL: st.booleans(),
    Kind.STRING: st.text(max_size=8),
    Kind.BYTES: st.binary(max_size=8).map(lambda value: base64.b64encode(value).decode()),
    Kind.TIMESTAMP: st.datetimes(timezones=st.sampled_from([None, dt.UTC])).map(dt.datetime.isoformat),
    Kind.DATE: st.dates().map(dt.date.isoformat),
    Kind.TIME: st.times().map(dt.time.isoformat),
    Kind.JSON: JSON_VALUES,
}
DECIMALS = st.decimals(-(10**28), 10**28, places=9).map(lambda number: f"{number:f}".encode())


@st.composite
def an_item(draw: st.DrawFn, column: Column, awkward: bool) -> bytes:  # noqa: FBT001
    """Draw the text of one value."""
    if awkward and not draw(st.integers(0, 9)):
        return draw(st.sampled_from(TOKENS))
    if column.kind is Kind.STRUCT:
        return draw(an_object(column.fields, awkward))
    if column.kind in ORDINARY:
        return json.dumps(draw(ORDINARY[column.kind]), ensure_ascii=draw(st.booleans())).encode("utf-8", "replace")
    return draw(DECIMALS)


@st.composite
def a_value(draw: st.DrawFn, column: Column, awkward: bool) -> bytes:  # noqa: FBT001
    if not draw(st.integers(0, 5)):
        return b"null"
    if not column.repeated:
        return draw(an_item(column, awkward))
    return b"[%b]" % b",".join(draw(st.lists(an_item(column, awkward), max_size=3)))


@st.composite
def an_object(draw: st.DrawFn, fields: Sequence[Column], awkward: bool) -> bytes:  # noqa: FBT001
    members = [(field.source, draw(a_value(field, awkward))) for field in fields if draw(st.integers(0, 5))]
    members = draw(st.permutations([*members, ("unknown", b'[{"x":1}]')]))
    if awkward and not draw(st.integers(0, 9)):
        members.append(members[0])  # a name that comes twice
    return b"{%b}" % b",".join(json.dumps(name).encode() + b":" + value for name, value in members)


@st.composite
def schemas_and_blocks(draw: st.DrawFn, *, awkward: bool) -> tuple[tuple[Column, ...], bytes]:
    fields = draw(columns())
    records = draw(st.lists(an_object(fields, awkward), min_size=1, max_size=3))
    return fields, block(*(b'{"id":1,' + record.removeprefix(b"{") for record in records))


@settings(max_examples=200)
@given(schemas_and_blocks(awkward=True))
def test_the_paths_agree_on_random_records_with_awkward_values(case: tuple[tuple[Column, ...], bytes]) -> None:
    fields, raw = case
    native = check_paths_agree(converter(*fields), raw)
    event(f"native: {native}")


@settings(max_examples=200)
@given(schemas_and_blocks(awkward=False))
def test_records_that_fit_are_converted(case: tuple[tuple[Column, ...], bytes]) -> None:
    fields, raw = case
    blocks = converter(*fields)
    check_paths_agree(blocks, raw)
    table = blocks.convert(raw, 0).table
    assert table.num_rows == raw.count(b"\n")
    assert table.schema.equals(arrow.staged_schema(TableColumns((ID, *fields), ())))


def test_ordinary_records_take_the_native_path() -> None:
    fields = [Column(kind.lower(), kind.lower(), kind) for kind in ORDINARY]
    fields += [Column(f"{kind.lower()}s", f"{kind.lower()}s", kind, kind is not Kind.JSON) for kind in ORDINARY]
    fields += [Column("price", "price", Kind.NUMERIC), Column("rate", "rate", Kind.BIGNUMERIC)]
    fields += [Column("address", "address", Kind.STRUCT, fields=tuple(fields))]
    record: dict[str, Any] = {
        "int64": 1,
        "float64": 1.5,
        "bool": True,
        "string": "é",
        "timestamp": "2024-05-06T07:08:09.1234567",
        "date": "2024-05-06",
        "time": "07:08:09.1234567",
        "json": {"a": [1, None]},
        "price": 1.25,
        "rate": "0.1",
    }
    record |= {f"{name}s": [value] for name, value in record.items()}
    raw = json.dumps({"id": 1, **record, "address": record}).encode() + b"\n"
    blocks = converter(*fields)
    assert check_paths_agree(blocks, raw)
    (row,) = blocks.convert(raw, 0).table.to_pylist()
    assert row["timestamp"] == dt.datetime(2024, 5, 6, 7, 8, 9, 123456, dt.UTC)
    assert row["address"]["times"] == [dt.time(7, 8, 9, 123456)]
    assert row["address"]["json"] == '{"a":[1,null]}'
    assert (row["price"], row["rate"]) == (Decimal("1.25"), Decimal("0.1"))


# ----------------------------------------------------------------------------------------------------------- the table


def test_rows_have_their_position_and_whether_the_source_deleted_them() -> None:
    raw = block('{"id":1}', '{"id":2,"_sdc_deleted_at":"2024-05-06T07:08:09Z"}', '{"id":3,"_sdc_deleted_at":null}')
    table = converter().convert(raw, 40).table
    assert table.to_pydict() == {"id": [1, 2, 3], SEQUENCE: [40, 41, 42], DELETED: [False, True, False]}


def test_null_elements_are_omitted_and_counted() -> None:
    tags = Column("tags", "tags", Kind.STRING, repeated=True)
    fields = (tags, Column("items", "items", Kind.STRUCT, repeated=True, fields=(tags,)))
    raw = block('{"id":1,"tags":["a",null,"b",null],"items":[null,{"tags":[null]},{"tags":null}]}')
    converted = converter(*fields).convert(raw, 0)
    (row,) = converted.table.to_pylist()
    assert (row["tags"], row["items"]) == (["a", "b"], [{"tags": []}, {"tags": []}])
    assert converted.dropped_nulls == 4


def test_json_inside_arrays_of_objects_becomes_text() -> None:
    extra = Column("extra", "extra", Kind.JSON)
    fields = (Column("items", "items", Kind.STRUCT, repeated=True, fields=(extra, Column("n", "n", Kind.INT64))),)
    raw = block('{"id":1,"items":[{"n":1,"extra":{"b":[1.50,"x"],"a":null}},{"extra":null},{"extra":"text"}]}')
    blocks = converter(*fields)
    assert check_paths_agree(blocks, raw)
    (row,) = blocks.convert(raw, 0).table.to_pylist()
    assert [item["extra"] for item in row["items"]] == ['{"a":null,"b":[1.5,"x"]}', None, '"text"']


def test_property_names_may_contain_any_character() -> None:
    fields = tuple(Column(name, f"c{i}", Kind.JSON if i % 2 else Kind.INT64) for i, name in enumerate(NAMES))
    record = {name: i for i, name in enumerate(NAMES)}
    (row,) = converter(*fields).convert(block(json.dumps({"id": 1, **record})), 0).table.to_pylist()
    assert [row[f"c{i}"] for i in range(len(NAMES))] == [str(i) if i % 2 else i for i in range(len(NAMES))]


def test_a_renamed_column_is_read_by_its_source_name() -> None:
    table = converter(Column("businessUnitId", "business_unit_id", Kind.INT64)).convert(
        block('{"id":1,"businessUnitId":7,"business_unit_id":8}'), 0
    )
    assert table.table.column("business_unit_id").to_pylist() == [7]


# -------------------------------------------------------------------------------------------------------------- errors

SECRET = "hunter2 and more"


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (
            Column("n", "c", Kind.INT64),
            f'"{SECRET}"',
            "`n` must be an integer of at most 64 bits, but is a string of 16",
        ),
        (Column("n", "c", Kind.INT64), "1.5", "`n` must be an integer of at most 64 bits, but is a number with a frac"),
        (Column("n", "c", Kind.STRING), f'{{"x":"{SECRET}"}}', "`n` must be a string, but is an object"),
        (Column("n", "c", Kind.BOOL), "1", "`n` must be true or false, but is an integer"),
        (
            Column("n", "c", Kind.TIMESTAMP),
            f'"{SECRET}"',
            "`n` must be a date and time (ISO 8601, year 1 to 9999), but is",
        ),
        (Column("n", "c", Kind.DATE), '"2024-05-06T07:00:00Z"', "`n` must be a date, but is a string of 20 characters"),
        (Column("n", "c", Kind.NUMERIC), f'"{SECRET}"', "`n` must be a number, but is a string of 16 characters"),
        (Column("n", "c", Kind.JSON), "1e999", "`n` must be JSON with numbers that fit 64 bits"),
        (Column("n", "c", Kind.STRING, repeated=True), f'"{SECRET}"', "`n` must be an array, but is a string"),
        (Column("n", "c", Kind.INT64, repeated=True), f'[1,"{SECRET}"]', "`n[1]` must be an integer"),
        (
            Column("n", "c", Kind.STRUCT, repeated=True, fields=(Column("m", "d", Kind.INT64),)),
            f'[{{"m":1}},{{"m":"{SECRET}"}}]',
            "`n[1].m` must be an integer",
        ),
    ],
)
def test_an_error_names_the_place_and_the_kind_and_not_the_value(column: Column, value: str, message: str) -> None:
    raw = block('{"id":6,"n":null}', f'{{"id":7,"n":{value}}}')
    with pytest.raises(InvalidRecordError) as caught:
        converter(column).convert(raw, 0)
    text = str(caught.value)
    assert text.startswith(f"jobs: record id=7: {message}")
    assert SECRET not in text
    assert "\n" not in text


@pytest.mark.parametrize("record", ["{}", '{"id":null}'])
def test_a_record_without_its_key_is_an_error(record: str) -> None:
    with pytest.raises(MissingKeyError, match="jobs: a record has no value for its key property `id`"):
        converter().convert(block('{"id":1}', record), 0)


@pytest.mark.parametrize(
    "line", [b"[1]", b"tru", b'{"id":1', b'{"id":1,"x":"\xff"}', b'{"id":1,"x":1e9999999999999999999999}']
)
def test_a_line_that_is_not_a_record_is_an_error(line: bytes) -> None:
    with pytest.raises(InvalidRecordError, match="jobs: "):
        converter().convert(line + b"\n", 0)


@pytest.mark.parametrize("value", [b"null", b"7", b"1.5", b"true", b'"{"', b"[]", b'[{"id":1}]'])
@pytest.mark.parametrize("position", range(3))
def test_values_that_are_no_objects_are_rejected_wherever_they_are(value: bytes, position: int) -> None:
    records = [b'{"id":1}', b'{"id":2}']
    blocks = BlockConverter(TableColumns((ID,), ("id",)), "jobs", rejects=True)
    converted = blocks.convert(block(*records[:position], value, *records[position:]), 0)
    assert converted.table.column("id").to_pylist() == [1, 2]
    (rejected,) = converted.rejected
    assert (rejected.raw, rejected.position) == (value, position)
    assert rejected.reason.startswith("`record` must be an object, but is ")


@pytest.mark.parametrize(
    ("number", "kind"),
    [("1e-10", Kind.NUMERIC), ("1" + "0" * 29, Kind.NUMERIC), ("5" + "0" * 29, Kind.NUMERIC), ("1e37", Kind.NUMERIC)],
)
def test_a_number_that_needs_more_than_numeric_says_where(number: str, kind: Kind) -> None:
    items = Column("items", "items", Kind.STRUCT, repeated=True, fields=(Column("price", "price", kind),))
    with pytest.raises(NeedsBigNumericError) as caught:
        converter(items).convert(
            block('{"id":1,"items":[{"price":1}]}', f'{{"id":2,"items":[{{"price":{number}}}]}}'), 0
        )
    assert caught.value.place == "items[0].price"
