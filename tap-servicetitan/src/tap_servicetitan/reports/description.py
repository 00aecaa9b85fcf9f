"""The API's description of a report: its fields, its parameters, and the schema that follows from them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tap_servicetitan.errors import StreamError
from tap_servicetitan.specs.spec import EXTRA

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tap_servicetitan.reports.config import Report

Json = dict[str, Any]

_UNDISCOVERED = "Not discovered: "

_TYPES: Mapping[str, Json] = {
    "String": {"type": ["string", "null"]},
    "Number": {"type": ["number", "null"], "format": "decimal"},
    "Boolean": {"type": ["boolean", "null"]},
    # A point in time: midnight of the day, in the company's time zone.
    "Date": {"type": ["string", "null"], "format": "date-time"},
    "Time": {"type": ["string", "null"], "format": "time"},
}
"""JSON Schema of each data type of the API. A field of another type holds any JSON."""


class _Field(msgspec.Struct):
    name: str
    dataType: str  # noqa: N815 - the API's name


class _Parameter(msgspec.Struct):
    name: str
    isRequired: bool  # noqa: N815 - the API's name


class Description(msgspec.Struct):
    """The API's description of a report."""

    fields: list[_Field]
    parameters: list[_Parameter]


decode_description = msgspec.json.Decoder(Description).decode


def report_schema(report: Report, description: Description) -> Json:
    """Return the JSON Schema of a report's rows.

    Raises:
        StreamError: If the report lacks a key field, takes other parameters, or has a field that the tap adds.
    """
    fields = {field.name: dict(_TYPES.get(field.dataType, {})) for field in description.fields}
    _check(report, description, fields.keys())
    for name in report.key:
        if name in fields:
            fields[name]["type"] = fields[name]["type"][0]
    return _schema(report, fields)


def undiscovered_schema(report: Report, reason: str) -> Json:
    """Return the schema of a report that could not be discovered. Its description says why.

    Discovery and the run are two processes. In the run, this stream should fail, and the other streams should not.
    """
    return _schema(report, {name: {} for name in report.key}) | {"description": f"{_UNDISCOVERED}{reason}"}


def undiscovered_reason(schema: Json) -> str | None:
    """Return why a report could not be discovered, or None if it was."""
    description = schema.get("description") or ""
    return description.removeprefix(_UNDISCOVERED) if description.startswith(_UNDISCOVERED) else None


def _schema(report: Report, fields: Json) -> Json:
    return {"type": "object", "properties": {**fields, **report.own_fields}, "required": list(report.spec.key)}


def _check(report: Report, description: Description, fields: Iterable[str]) -> None:
    known = {parameter.name for parameter in description.parameters}
    required = {parameter.name for parameter in description.parameters if parameter.isRequired}
    given = report.parameters.keys() | _range_parameters(report)
    problems = {
        "it has no field": set(report.key) - {*fields, *report.own_fields},
        "it has a field that the tap adds,": report.own_fields.keys() & set(fields),
        "it has no parameter": given - known,
        "it needs a value for the parameter": required - given,
    }
    for problem, names in problems.items():
        if names:
            raise StreamError(f"{problem} {', '.join(sorted(names))}: see the setting `reports`")


def _range_parameters(report: Report) -> set[str]:
    days = report.date_range
    return {days.first_parameter, days.last_parameter} if days else set()


def missing_fields(schema: Json, report: Report, received: Sequence[str]) -> list[str]:
    """Return the fields of the schema that the rows of a run lack."""
    return sorted(schema["properties"].keys() - {EXTRA, *report.own_fields, *received})
