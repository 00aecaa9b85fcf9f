"""The API's description of a report: its fields, its parameters, and the schema that follows from them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tap_servicetitan.errors import StreamError
from tap_servicetitan.reports.cells import TEXT_SCHEMA, CellReader, is_typed, text_column
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
    texts = {text_column(name): dict(TEXT_SCHEMA) for name in _diverted(report, fields)}
    if doubled := sorted(texts.keys() & fields.keys()):
        raise StreamError(f"it has a field that the tap adds, {', '.join(doubled)}: see the setting `reports`")
    return _schema(report, fields | texts)


def _diverted(report: Report, fields: Json) -> list[str]:
    """Return the columns whose misfits go into a column of their own. A key has to be there, or its row is rejected."""
    return [name for name, field in fields.items() if name not in report.key and is_typed(field)]


def cell_readers(report: Report, schema: Json) -> dict[str, CellReader]:
    """Return the readers of those columns that may hold what does not fit, by name.

    A catalog from before there were columns for the texts has none: then the cells stay as they came.
    """
    fields = schema["properties"]
    return {
        name: CellReader(fields[name], report.formats.get(name))
        for name in _diverted(report, fields)
        if text_column(name) in fields
    }


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
        "there is a format for": report.formats.keys() - set(fields),
    }
    for problem, names in problems.items():
        if names:
            raise StreamError(f"{problem} {', '.join(sorted(names))}: see the setting `reports`")


def _range_parameters(report: Report) -> set[str]:
    days = report.date_range
    return {days.first_parameter, days.last_parameter} if days else set()


def missing_fields(schema: Json, report: Report, received: Sequence[str]) -> list[str]:
    """Return the fields of the schema that the rows of a run lack."""
    texts = map(text_column, schema["properties"])
    return sorted(schema["properties"].keys() - {EXTRA, *report.own_fields, *texts, *received})
