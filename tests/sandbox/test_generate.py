"""The generated records."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft7Validator

from servicetitan_sandbox import exact_json
from servicetitan_sandbox.models import SIZES
from servicetitan_sandbox.servicetitan.data import ticks
from servicetitan_sandbox.servicetitan.data.generator import Generator
from servicetitan_sandbox.servicetitan.data.sampler import UNSET_TIME
from servicetitan_sandbox.servicetitan.data.vocabulary import AWKWARD_TEXTS
from servicetitan_sandbox.servicetitan.spec.endpoints import entities, identity, schema

if TYPE_CHECKING:
    from collections.abc import Iterator


def _generator(stream: str, size: int = 3000) -> Generator:
    return Generator(schema(stream), f"1/1001/{stream}", size, {"employeeId": [11, 12]}, identity=identity(stream))


def _encoded(generator: Generator, number: int) -> bytes:
    return generator.record(
        number,
        active=generator.active(number),
        created=generator.created(number),
        modified=generator.modified(number),
    )


def _texts(value: Any) -> list[str]:  # noqa: ANN401 - JSON is any of its types
    if isinstance(value, dict):
        return [text for part in value.values() for text in _texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("stream", SIZES)
def test_records_fit_the_schema(stream: str) -> None:
    assert not list(_misfits(stream, _generator(stream), 300))


def test_records_of_every_entity_fit_the_schema() -> None:
    assert not [misfit for name in entities() for misfit in _misfits(name, _generator(name, 8), 8)]


def _misfits(stream: str, generator: Generator, count: int) -> Iterator[str]:
    validator = Draft7Validator(schema(stream))
    for number in range(count):
        record = json.loads(_encoded(generator, number))
        yield from (f"{stream}: {error.message}" for error in validator.iter_errors(record))
        yield from (f"{stream}: {name}" for name in record if name not in schema(stream)["properties"])


def test_records_hold_awkward_values() -> None:
    generator = _generator("technicians")
    records = [exact_json.loads(_encoded(generator, number)) for number in range(3000)]
    texts = {text for record in records for text in _texts(record)}
    rates = {record["hourlyRate"] for record in records if record.get("hourlyRate") is not None}

    assert set(AWKWARD_TEXTS) <= texts
    assert UNSET_TIME in texts
    assert any(len(record["modifiedOn"]) == len("2019-01-01T00:00:00.1234567Z") for record in records)
    assert any(record["id"] > 2**53 and float(record["id"]) != record["id"] for record in records)
    assert Decimal("90071992547409.9301") in rates
    assert any(isinstance(rate, Decimal) and rate.as_tuple().exponent == -4 for rate in rates)
    assert any(record.get("hourlyRate", 0) is None for record in records)
    assert any("hourlyRate" not in record for record in records)


def test_person_is_one_person() -> None:
    generator = _generator("employees")
    records = [exact_json.loads(_encoded(generator, number)) for number in range(1000)]
    named = [record for record in records if record.get("firstName") and record.get("lastName")]

    assert all(record["name"] == f"{record['firstName']} {record['lastName']}" for record in named)
    assert len(named) > 500


def test_references_point_to_records_that_exist() -> None:
    generator = _generator("activities")
    employees = {exact_json.loads(_encoded(generator, number)).get("employeeId") for number in range(1000)}

    assert employees == {11, 12, None}


def test_numbers_and_ids_stand_for_each_other() -> None:
    identifiers = _generator("activities").identifiers
    ids = [identifiers.of(number) for number in range(1000)]

    assert [identifiers.number(identifier) for identifier in ids] == list(range(1000))
    assert identifiers.number(ids[0] + 1) is None
    assert identifiers.number(1) is None


def test_modification_times_rise_with_the_number() -> None:
    generator = _generator("activities")
    times = [generator.modified(number) for number in range(3000)]

    assert times == sorted(times)
    assert all(generator.created(number) <= times[number] for number in range(3000))


def test_a_million_records_are_within_reach() -> None:
    generator = _generator("activities", 10**6)
    started = time.process_time()
    for number in range(10**6 - 4000, 10**6):
        _encoded(generator, number)

    assert 4000 / (time.process_time() - started) > 20_000


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2024-02-29T01:02:03.1234567Z", "2024-02-29T01:02:03.1234567Z"),
        ("2024-02-29T01:02:03.5000Z", "2024-02-29T01:02:03.5Z"),
        ("2024-02-29T01:02:03", "2024-02-29T01:02:03Z"),
        ("2024-02-29T03:02:03+02:00", "2024-02-29T01:02:03Z"),
        ("2024-02-29", "2024-02-29T00:00:00Z"),
        ("0001-01-01T00:00:00", "0001-01-01T00:00:00Z"),
    ],
)
def test_ticks_and_texts_stand_for_each_other(text: str, shown: str) -> None:
    assert ticks.to_text(ticks.from_text(text)) == shown
