"""The generator makes legal, awkward and repeatable records."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft7Validator

from servicetitan_sandbox import exact_json
from servicetitan_sandbox.models import SIZES
from servicetitan_sandbox.servicetitan.data.generator import Generator
from servicetitan_sandbox.servicetitan.data.sampler import UNSET_TIME
from servicetitan_sandbox.servicetitan.data.vocabulary import AWKWARD_TEXTS
from servicetitan_sandbox.servicetitan.spec.endpoints import entities, identity, schema

if TYPE_CHECKING:
    from collections.abc import Iterator


def _generator(stream: str, size: int = 3000) -> Generator:
    return Generator(schema(stream), f"1/1001/{stream}", size, {"employeeId": [11, 12]}, identity=identity(stream))


def _encode(generator: Generator, number: int) -> bytes:
    return generator.record(
        number,
        active=generator.active(number),
        created=generator.created(number),
        modified=generator.modified(number),
    )


def _texts(value: Any) -> list[str]:  # noqa: ANN401 - JSON is any of its types
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("stream", SIZES)
def test_records_fit_the_schema(stream: str) -> None:
    assert not list(_misfits(stream, _generator(stream), 300))


def test_records_of_every_entity_fit_the_schema() -> None:
    assert not [misfit for name in entities() for misfit in _misfits(name, _generator(name, 8), 8)]


def _misfits(stream: str, generator: Generator, count: int) -> Iterator[str]:
    validator = Draft7Validator(schema(stream))
    for number in range(count):
        record = json.loads(_encode(generator, number))
        yield from (f"{stream}: {error.message}" for error in validator.iter_errors(record))
        yield from (f"{stream}: {name}" for name in record if name not in schema(stream)["properties"])


def test_records_hold_awkward_values() -> None:
    generator = _generator("technicians")
    records = [exact_json.loads(_encode(generator, number)) for number in range(3000)]
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


def test_the_fields_of_a_person_belong_together() -> None:
    generator = _generator("employees")
    records = [exact_json.loads(_encode(generator, number)) for number in range(1000)]
    people = [record for record in records if record.get("firstName") and record.get("lastName")]

    assert all(record["name"] == f"{record['firstName']} {record['lastName']}" for record in people)
    assert len(people) > 500


def test_references_point_to_records_that_exist() -> None:
    generator = _generator("activities")
    employees = {exact_json.loads(_encode(generator, number)).get("employeeId") for number in range(1000)}

    assert employees == {11, 12, None}


def test_modification_times_rise_with_the_number() -> None:
    generator = _generator("activities")
    times = [generator.modified(number) for number in range(3000)]

    assert times == sorted(times)
    assert all(generator.created(number) <= times[number] for number in range(3000))


def test_a_million_records_take_less_than_a_minute() -> None:
    generator = _generator("activities", 10**6)
    started = time.process_time()
    for number in range(10**6 - 4000, 10**6):
        _encode(generator, number)

    assert 4000 / (time.process_time() - started) > 20_000
