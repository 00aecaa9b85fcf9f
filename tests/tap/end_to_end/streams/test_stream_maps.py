"""Stream maps, selection and flattening use the SDK's path, which must give the same values as the fast one."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan.tap import TapServiceTitan

if TYPE_CHECKING:
    from support.tap.harness import Company, Sync

STREAM = "technicians"


def add_awkward_record(company: Company) -> int:
    values = {
        "burdenRate": Decimal("12345678901234567.1230"),
        "jobId": 2**53 + 1,
        "memo": 'line\nbreak \u2028 \N{GRINNING FACE} "quotes" \\ \t',
        "home": {"street": "x", "latitude": Decimal("1.50"), "notInSchema": [1, {"a": None}]},
    }
    return int(company.server.control.insert(company.id, STREAM, values)["id"])


def test_a_map_that_changes_nothing_changes_nothing(company: Company, sync: Sync) -> None:
    add_awkward_record(company)
    company.settings["max_concurrent_streams"] = 1
    raw = sync(company.config, STREAM, "activities")
    mapped = sync(company.config | {"stream_maps": {STREAM: {}, "activities": {}}}, STREAM, "activities")
    for stream in (STREAM, "activities"):
        assert mapped.records(stream) == raw.records(stream)
        assert len(mapped.of("ACTIVATE_VERSION", stream)) == 1
        versions = {message["version"] for message in mapped.of("RECORD", stream)}
        assert versions == {mapped.of("ACTIVATE_VERSION", stream)[0]["version"]}
    assert mapped.types == raw.types


def test_maps_are_applied(company: Company, sync: Sync) -> None:
    maps = {STREAM: {"__alias__": "people", "id": "id", "shout": "name.upper()", "__else__": None}}
    run = sync(company.config | {"stream_maps": maps}, STREAM)
    assert run.of("SCHEMA", "people")[0]["schema"]["properties"].keys() == {"id", "shout"}
    assert all(record.keys() == {"id", "shout"} for record in run.records("people"))
    assert len(run.records("people")) == 12
    assert len(run.of("ACTIVATE_VERSION", "people")) == 1
    assert run.of("RECORD", STREAM) == []


def test_a_map_that_fails_stops_only_its_stream(company: Company, sync: Sync) -> None:
    maps = {STREAM: {"broken": "1 / (id - id)"}}
    run = sync(company.config | {"stream_maps": maps}, STREAM, "campaigns")
    assert str(run.error) == "1 of 2 streams failed: technicians"
    assert len(run.of("ACTIVATE_VERSION", "campaigns")) == 1


def test_flattening(company: Company, sync: Sync) -> None:
    identifier = add_awkward_record(company)
    run = sync(company.config | {"flattening_enabled": True, "flattening_max_depth": 1}, STREAM)
    (record,) = (record for record in run.records(STREAM) if record["id"] == identifier)
    assert record["home__latitude"] == "1.50"
    assert record["burdenRate"] == "12345678901234567.1230"
    assert len(run.of("ACTIVATE_VERSION", STREAM)) == 1


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="as-it-comes"),
        pytest.param({"stream_maps": {STREAM: {"__alias__": "people", "id": "id", "__else__": None}}}, id="alias"),
        pytest.param(
            {"stream_maps": {STREAM: {"id": "id"}, "copies": {"__source__": STREAM, "id": "id"}}}, id="two-from-one"
        ),
        pytest.param({"flattening_enabled": True, "flattening_max_depth": 1}, id="flattened"),
        pytest.param({"batch_config": {"storage": {"root": "data:"}}}, id="batches"),
        pytest.param({"pii": [{"fields": ["name"], "action": "drop"}]}, id="personal-data"),
    ],
)
def test_each_schema_message_says_whose_records_follow(company: Company, sync: Sync, settings: dict[str, Any]) -> None:
    run = sync(company.config | settings, STREAM)
    schemas = run.of("SCHEMA")
    assert len(schemas) == (2 if "copies" in str(settings) else 1)
    assert run.ends == {message["stream"]: {"status": "complete"} for message in schemas}
    assert [message["schema"]["x-tenant-id"] for message in schemas] == [company.id] * len(schemas)
    has_own = [message["stream"] for message in schemas if message["schema"].get("x-own-bookmark")]
    assert has_own == ([STREAM] if schemas[0]["stream"] == STREAM else [])


def test_the_catalog_is_nobodys(company: Company) -> None:
    assert "x-tenant-id" not in json.dumps(TapServiceTitan(config=company.config).catalog_dict)


def test_deselected_fields_are_left_out(company: Company, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    catalog: dict[str, Any] = TapServiceTitan(config=company.config).catalog_dict
    for entry in catalog["streams"]:
        for item in entry["metadata"]:
            field = item["breadcrumb"][-1:] or [None]
            item["metadata"]["selected"] = entry["tap_stream_id"] == STREAM and field[0] != "memo"
    tap = TapServiceTitan(config=company.config, catalog=catalog)
    capsysbinary.readouterr()
    tap.sync_all()
    messages = [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    assert {message["stream"] for message in messages if "stream" in message} == {STREAM}
    records = [message["record"] for message in messages if message["type"] == "RECORD"]
    assert len(records) == 12
    assert [message["schema"]["x-tenant-id"] for message in messages if message["type"] == "SCHEMA"] == [company.id]
    assert not any("memo" in record for record in records)
    assert any("bio" in record for record in records)
    assert [message["type"] for message in messages][-3:-1] == ["ACTIVATE_VERSION", "STATE"]
    assert messages[-1]["x-read"] == {STREAM: {"status": "complete"}}
