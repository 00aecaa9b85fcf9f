"""Meanings reach the schemas: the stream's own before the shared ones, with units, values and references."""

from __future__ import annotations

from typing import Any

from tap_servicetitan.catalog.entries import schema_of
from tap_servicetitan.catalog.meanings import LONGEST_LIST, REFERENCES, UNIT, find_meaning, restored, values_text
from tap_servicetitan.specs.registry import STREAMS

SPECS = {spec.name: spec for spec in STREAMS}


def field(stream: str, *path: str) -> dict[str, Any]:
    found: dict[str, Any] = schema_of(SPECS[stream])
    for name in path:
        found = found.get("items", found)["properties"][name]
    return found


def test_a_table_says_what_its_rows_are() -> None:
    assert schema_of(SPECS["jobs"])["description"].startswith("One row for each job")


def test_a_field_says_what_it_refers_to() -> None:
    assert field("jobs", "customerId")[REFERENCES] == ["customers.id"]
    assert field("jobs", "customFields", "typeId")[REFERENCES] == ["job_custom_fields.id"]
    assert field("invoices", "customer", "id")[REFERENCES] == ["customers.id"]
    assert REFERENCES not in field("jobs", "jobNumber")


def test_a_field_says_its_unit_in_words_too() -> None:
    total = field("invoices", "items", "totalDecimal")
    assert total[UNIT] == "currency"
    assert total["description"].endswith("In the company's currency.")
    assert field("jobs", "completedOn")[UNIT] == "UTC"


def test_a_field_lists_its_documented_values() -> None:
    assert field("timesheet_codes", "type")["description"].endswith("One of: Unpaid, Paid, ClockInOut, PaidTimeOff.")
    assert "One of: JobInvoices," in field("payment_terms", "interestSettings", "targetInvoices")["description"]


def test_of_a_long_list_there_is_the_beginning() -> None:
    text = values_text([f"Value{number}" for number in range(100)])
    assert text.startswith("One of 100 values, such as Value0, Value1,")
    assert len(text) < LONGEST_LIST + 40


def test_the_own_meaning_is_used_before_the_shared_one() -> None:
    own, shared = find_meaning(SPECS["jobs"], ["customerId"]), find_meaning(SPECS["payments"], ["customer", "id"])
    assert own
    assert own.place == ("jobs", "customerId")
    assert shared
    assert shared.place == ("shared", "customer.id")


def test_the_meaning_of_the_key_is_not_that_of_a_nested_one() -> None:
    assert find_meaning(SPECS["jobs"], ["id"])
    assert find_meaning(SPECS["jobs"], ["something", "id"]) is None


def test_an_extra_stream_of_the_settings_has_no_meanings() -> None:
    assert find_meaning(SPECS["jobs"], ["noSuchField"]) is None


def test_what_the_sdk_drops_comes_back_where_the_field_is_the_same() -> None:
    source = schema_of(SPECS["jobs"])
    plain = {"description": source["properties"]["customerId"]["description"]}
    custom = source["properties"]["customFields"]
    nested = {
        "items": {"properties": {"typeId": {"description": custom["items"]["properties"]["typeId"]["description"]}}}
    }
    message = {"properties": {"customerId": plain, "locationId": {"description": "else"}, "customFields": nested}}
    properties = restored(message, source)["properties"]
    assert properties["customerId"][REFERENCES] == ["customers.id"]
    assert REFERENCES not in properties["locationId"]
    assert properties["customFields"]["items"]["properties"]["typeId"][REFERENCES] == ["job_custom_fields.id"]
