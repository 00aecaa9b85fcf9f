"""Personal data and unknown fields: the shaped record, its schema, and everything that must stay as it is."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_servicetitan.settings import PiiRule
from tap_servicetitan.specs.spec import EXTRA
from tap_servicetitan.transform.pii import Protection, parse_rules
from tap_servicetitan.transform.shaper import UNKNOWN_FIELD_STRIDE, Shaper

SALT = "salt-of-this-company"
TEXT = {"type": ["string", "null"]}
CONTACT = {"type": ["object", "null"], "properties": {"phoneNumber": TEXT, "memo": TEXT}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "name": TEXT,
        "rate": {"type": ["number", "null"], "format": "decimal"},
        "address": {
            "type": ["object", "null"],
            "properties": {"street": TEXT, "latitude": {"type": ["number", "null"]}},
        },
        "contacts": {"type": ["array", "null"], "items": CONTACT},
        "customData": {"type": ["object", "null"]},
        "emails": {"type": ["array", "null"], "items": TEXT},
    },
    "required": ["id"],
}
RECORD = (
    b'{"id":9007199254740993,"name":"N","rate":1.10,"address":{"street":"S","latitude":1e-7},'
    b'"contacts":[{"phoneNumber":"555","memo":null},{"phoneNumber":null,"memo":"m"}],'
    b'"customData":{"anyPhone":"556"},"emails":["a@b.c",null]}'
)


def shaper(*rules: PiiRule, keep_extra: bool = False) -> Shaper:
    protection = Protection("customers", parse_rules(rules, SALT), SALT)
    return Shaper(SCHEMA, protection, keep_extra=keep_extra)


def shaped(record: bytes, made: Shaper) -> bytes:
    (raw,) = made.shape([msgspec.Raw(record)])
    return bytes(raw)


def drop(*fields: str, streams: tuple[str, ...] = ("*",)) -> PiiRule:
    return PiiRule(fields=list(fields), streams=list(streams), action="drop")


def hashing(*fields: str) -> PiiRule:
    return PiiRule(fields=list(fields), action="hash")


def hashed(text: str) -> str:
    return hmac.new(SALT.encode(), text.encode(), hashlib.sha256).hexdigest()


def test_without_settings_nothing_is_touched() -> None:
    made = shaper()
    assert made.schema == SCHEMA
    records = [msgspec.Raw(RECORD)]
    assert made.shape(records) is records


def test_dropped_fields_are_gone_from_records_and_schema_wherever_they_stand() -> None:
    made = shaper(drop("*PHONE*", "address.street"))
    values = json.loads(shaped(RECORD, made))
    assert values["contacts"] == [{"memo": None}, {"memo": "m"}]
    assert values["customData"] == {}
    assert values["address"].keys() == {"latitude"}
    properties = made.schema["properties"]
    assert properties["contacts"]["items"]["properties"].keys() == {"memo"}
    assert properties["address"]["properties"].keys() == {"latitude"}
    assert properties["customData"] == SCHEMA["properties"]["customData"]


def test_what_is_left_keeps_its_digits() -> None:
    kept = shaped(RECORD, shaper(drop("name")))
    assert kept == RECORD.replace(b'"name":"N",', b"")


def test_an_object_of_which_nothing_is_left_is_no_column() -> None:
    made = shaper(drop("address.*"))
    assert "address" not in made.schema["properties"]
    assert b"address" not in shaped(RECORD, made)


def test_an_object_that_had_nothing_in_it_stays_a_column() -> None:
    schema = {"type": "object", "properties": {"id": TEXT, "free": {"type": ["object", "null"], "properties": {}}}}
    for rules in ([], [drop("*phone*")]):
        assert Protection("any", parse_rules(rules, SALT), SALT).schema(schema) == schema


def test_a_rule_about_everything_leaves_the_mark_of_deletion_alone() -> None:
    made = shaper(hashing("*"))
    record = json.loads(shaped(b'{"id":1,"_sdc_deleted_at":"2026-01-01T00:00:00Z"}', made))
    assert record == {"id": hashed("1"), "_sdc_deleted_at": "2026-01-01T00:00:00Z"}


def test_hashes_are_text_in_the_shape_of_what_they_stand_for() -> None:
    made = shaper(hashing("address", "/e.*ls/", "contacts.*phone*"))
    values = json.loads(shaped(RECORD, made))
    assert values["address"] == {"street": hashed("S"), "latitude": hashed("1e-7")}
    assert values["emails"] == [hashed("a@b.c"), None]
    assert values["contacts"][0] == {"phoneNumber": hashed("555"), "memo": None}
    assert values["customData"] == {"anyPhone": "556"}
    properties = made.schema["properties"]
    assert properties["address"]["properties"] == {"street": TEXT, "latitude": TEXT}
    assert properties["emails"] == {"type": ["array", "null"], "items": TEXT}


def test_escapes_do_not_change_a_hash() -> None:
    made = shaper(hashing("name"))
    plain, escaped = (json.loads(shaped(b'{"id":1,"name":"%b"}' % text, made)) for text in (b"A\xc3\xa9", b"A\\u00e9"))
    assert plain == escaped == {"id": 1, "name": hashed("A\N{LATIN SMALL LETTER E WITH ACUTE}")}


def test_a_surprise_is_covered_too() -> None:
    made = shaper(drop("*phone*"), hashing("name"))
    record = b'{"id":1,"newPhone":5,"name":{"first":"F","age":7},"rate":[[{"phone":1,"ok":true}]]}'
    assert json.loads(shaped(record, made)) == {
        "id": 1,
        "name": {"first": hashed("F"), "age": hashed("7")},
        "rate": [[{"ok": True}]],
    }


def test_the_first_rule_counts_and_other_streams_are_left_alone() -> None:
    made = shaper(drop("name", streams=("job*",)), hashing("name"), drop("n*"))
    assert json.loads(shaped(b'{"id":1,"name":"N","note":"x"}', made)) == {"id": 1, "name": hashed("N")}


def test_a_record_with_nothing_to_hide_stays_the_bytes_that_it_is() -> None:
    record = b'{"id":1, "customData": {"a": [1.0, {"b": 2}]}}'
    assert shaped(record, shaper(drop("*phone*"))) == record


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just("t"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "phone", "b"]), inner, max_size=3)
    ),
    max_leaves=8,
)


def without(value: Any, name: str) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, list):
        return [without(item, name) for item in value]
    if isinstance(value, dict):
        return {key: without(item, name) for key, item in value.items() if key != name}
    return value


@given(record=st.dictionaries(st.sampled_from(["id", "phone", "x", "y"]), values))
def test_whatever_the_shape_dropped_fields_do_not_come_out(record: dict[str, Any]) -> None:
    made = shaper(drop("phone", "*.phone"))
    assert json.loads(shaped(json.dumps(record).encode(), made)) == without(record, "phone")


def test_unknown_fields_move_and_known_ones_keep_their_bytes() -> None:
    made = shaper(keep_extra=True)
    assert made.schema["properties"][EXTRA] == {"type": ["object", "null"]}
    assert shaped(b'{"id":1,"new":{"a":1.10},"rate":2.50,"_extra":null}', made) == (
        b'{"id":1,"rate":2.50,"_extra":{"new":{"a":1.10},"_extra":null}}'
    )
    assert shaped(RECORD, made) == RECORD


def test_what_is_dropped_does_not_come_back_as_unknown() -> None:
    made = shaper(drop("name", "*secret*"), keep_extra=True)
    assert shaped(b'{"id":1,"name":"N","newSecret":1,"new":{"secret":1,"ok":2}}', made) == (
        b'{"id":1,"_extra":{"new":{"ok":2}}}'
    )


def test_unknown_fields_are_found_in_a_sample_and_named_once() -> None:
    made = shaper()
    deep = b'{"id":1,"address":{"zip":1},"contacts":[{"memo":"m"},{"fax":1}],"customData":{"free":1}}'
    records = [msgspec.Raw(b'{"id":1,"new":2}')] + [msgspec.Raw(deep)] * UNKNOWN_FIELD_STRIDE
    assert made.take_new_unknown_fields(records) == ["address.zip", "contacts.fax", "new"]
    assert made.take_new_unknown_fields(records) == []
    assert made.unknown_fields == ["address.zip", "contacts.fax", "new"]


@pytest.mark.parametrize("types", ["integer", ["boolean", "null"]])
def test_a_schema_that_allows_null_goes_on_allowing_it(types: Any) -> None:  # noqa: ANN401 - as in JSON Schema
    schema = {"type": "object", "properties": {"id": {"type": types, "format": "x"}}}
    made = Protection("any", parse_rules([hashing("id")], SALT), SALT).schema(schema)
    assert made["properties"]["id"] == {"type": "string" if types == "integer" else ["string", "null"]}
