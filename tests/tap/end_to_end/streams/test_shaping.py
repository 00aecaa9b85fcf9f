"""Personal data and unknown fields in whole runs: the records on the fast and the slow path, and the log."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from support.tap.scripted import page_of
from tap_servicetitan.tap import TapServiceTitan

if TYPE_CHECKING:
    from support.tap.harness import Company, Run, Sync
    from support.tap.scripted import ScriptedApi

STREAM = "technicians"
PRIVATE = {
    "email": "quincy@example.com",
    "mobilePhone": "555-0199",
    "home": {"street": "12 Quincy Lane", "unsaid": {"fax": "555-0198"}},
    "customFields": [{"typeId": 1, "name": "quincy", "value": "555-0197"}],
    "quincysEmail": "quincy2@example.com",
}
RULES = [
    {"fields": ["*email*", "*fax*", "home.street"], "action": "drop"},
    {"fields": ["*phone*", "customFields.*"], "streams": ["tech*"], "action": "hash"},
]
MAPPED: dict[str, Any] = {"stream_maps": {STREAM: {}}}
SETTINGS = {"pii": RULES, "pii_salt": "salt-of-this-company", "unknown_fields": "extra"}


@pytest.fixture
def identifier(company: Company) -> int:
    """The id of a technician with much to hide."""
    return int(company.server.control.insert(company.id, STREAM, {**PRIVATE, "new": {"rate": 1.5}})["id"])


def record_of(run: Run, identifier: int) -> dict[str, Any]:
    (record,) = (record for record in run.records(STREAM) if record["id"] == identifier)
    return record


def test_nothing_private_leaves_the_tap_and_maps_see_what_leaves(
    company: Company, sync: Sync, identifier: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    raw = sync(company.config | SETTINGS, STREAM)
    mapped = sync(company.config | SETTINGS | MAPPED, STREAM)

    assert raw.error is None
    assert mapped.records(STREAM) == raw.records(STREAM)
    for text in ("quincy", "Quincy", "555-01"):
        assert text not in json.dumps(raw.messages).replace("quincysEmail", "")
        assert text not in caplog.text
    properties = raw.of("SCHEMA", STREAM)[0]["schema"]["properties"]
    assert "email" not in properties
    assert properties["phoneNumber"] == {"type": ["string", "null"]}
    record = record_of(raw, identifier)
    assert record["_extra"] == {"new": {"rate": "1.5"}}
    assert record["home"] == {"unsaid": {}}
    assert len(record["mobilePhone"]) == len(record["customFields"][0]["typeId"]) == 64
    assert len(raw.of("ACTIVATE_VERSION", STREAM)) == 1


def test_by_default_an_unknown_field_stays_and_is_named_once(
    company: Company, sync: Sync, identifier: int, caplog: pytest.LogCaptureFixture
) -> None:
    run = sync(company.config | {"page_size": 1}, STREAM)
    assert record_of(run, identifier)["new"] == {"rate": "1.5"}
    warnings = [message for message in caplog.messages if "not in the schema" in message]
    assert sorted(warning.rsplit(": ", 1)[1] for warning in warnings) == ["home.unsaid", "new", "quincysEmail"]
    assert run.ends[STREAM]["unknown_fields"] == ["home.unsaid", "new", "quincysEmail"]


def test_discovery_shows_the_schema_of_what_leaves(company: Company) -> None:
    tap = TapServiceTitan(config=company.config | SETTINGS)
    (schema,) = (entry["schema"] for entry in tap.catalog_dict["streams"] if entry["tap_stream_id"] == STREAM)
    assert "email" not in schema["properties"]
    assert "street" not in schema["properties"]["home"]["properties"]
    assert schema["properties"]["_extra"] == {"type": ["object", "null"]}


@pytest.mark.parametrize(
    "settings", [{}, {"unknown_fields": "extra"}, {"pii": [{"fields": ["email"], "action": "drop"}]}, MAPPED]
)
def test_half_of_a_character_stops_no_stream(api: ScriptedApi, sync: Sync, settings: dict[str, Any]) -> None:
    people = [{"id": number, "name": "cut \ud83d", "memo": "\U0001f600"} for number in (1, 2)]
    api.routes["/technicians"] = lambda query: page_of(people, query)
    run = sync(api.config | settings, STREAM)
    assert run.error is None
    assert [(record["name"], record["memo"]) for record in run.records(STREAM)] == [("cut \ufffd", "\U0001f600")] * 2
    assert len(run.of("ACTIVATE_VERSION")) == 1
