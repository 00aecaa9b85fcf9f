"""What the setting `reports` says, and what the API says of a report: its fields and parameters. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec

from tap_servicetitan.errors import StreamError
from tap_servicetitan.plugin_runtime.errors import PluginError
from tap_servicetitan.specs import Answer, StreamSpec
from tap_servicetitan.transform.inject import DELETED_AT, DELETED_AT_SCHEMA
from tap_servicetitan.transform.shaper import EXTRA

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from tap_servicetitan.settings import ReportDates, ReportSettings

Json = dict[str, Any]

REPORT_DATE = "_report_date"
"""The field with the day that a row was asked for."""

REPORT_POSITION = "_position"
"""The field with a row's place in its report, from 0 on, where no field of the report identifies it."""

_UNDISCOVERED = "Not discovered: "

LOOKBACK_DAYS = 2
MOST_DAYS = 100
PAGE_SIZE = 5000

_TYPES: Mapping[str, Json] = {
    "String": {"type": ["string", "null"]},
    "Number": {"type": ["number", "null"], "format": "decimal"},
    "Boolean": {"type": ["boolean", "null"]},
    # A moment: the day's midnight where the company is.
    "Date": {"type": ["string", "null"], "format": "date-time"},
    "Time": {"type": ["string", "null"], "format": "time"},
}
"""JSON Schema of the API's data types. One that is not here holds any JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DateRange:
    """The days that a report is asked for, one run each."""

    first_parameter: str
    """The report's parameter that takes the first day."""

    last_parameter: str
    """The report's parameter that takes the last day: the same one."""

    start: date
    """The day to begin with."""

    lookback_days: int
    """How many days that were read before are read again."""

    most_days: int
    """How many days are read in one run of the tap. The next run goes on from there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report, as a stream."""

    name: str
    category: str
    id: int
    parameters: Mapping[str, Any]
    key: tuple[str, ...]
    """The fields that identify a row; none when only its place does."""
    date_range: DateRange | None
    page_size: int

    @property
    def description_path(self) -> str:
        """Where the API describes the report."""
        return f"/reporting/v2/tenant/{{tenant}}/report-category/{self.category}/reports/{self.id}"

    @property
    def data_path(self) -> str:
        """Where the report is run."""
        return f"{self.description_path}/data"

    @property
    def own_fields(self) -> dict[str, Json]:
        """The fields that the tap puts into each row, and their JSON Schemas."""
        fields: dict[str, Json] = {}
        if self.date_range:
            fields[REPORT_DATE] = {"type": "string", "format": "date"}
        if not self.key:
            fields[REPORT_POSITION] = {"type": "integer"}
        if self.date_range and not self.key:
            fields[DELETED_AT] = dict(DELETED_AT_SCHEMA)
        return fields

    @property
    def spec(self) -> StreamSpec:
        """The row of the stream."""
        position = [name for name in self.own_fields if name != DELETED_AT]
        return StreamSpec(
            name=self.name,
            list_path=self.description_path,
            answer=Answer.DATA,
            key=self.key or tuple(position),
            cursor=REPORT_DATE if self.date_range else None,
            changed_since=self.date_range.first_parameter if self.date_range else None,
            selected=True,
        )

    def arguments(self, day: date | None) -> bytes:
        """Return the body of a run: the values of the parameters.

        Args:
            day: The day to ask for, if the report is asked for days.
        """
        values = dict(self.parameters)
        if self.date_range:
            values |= {self.date_range.first_parameter: str(day), self.date_range.last_parameter: str(day)}
        return msgspec.json.encode({"parameters": [{"name": name, "value": value} for name, value in values.items()]})


def parse_reports(setting: Iterable[ReportSettings], taken: Container[str]) -> list[Report]:
    """Return the reports of the setting `reports`, in its order.

    Args:
        setting: Its value.
        taken: Names of the tap's other streams.

    Raises:
        PluginError: If two streams have one name, or a day does not exist.
    """
    reports = [
        Report(
            name=declared.name,
            category=declared.category,
            id=declared.id,
            parameters=declared.parameters or {},
            key=tuple(declared.key or ()),
            date_range=_date_range(declared.name, declared.date_range) if declared.date_range else None,
            page_size=declared.page_size or PAGE_SIZE,
        )
        for declared in setting
    ]
    names = Counter(report.name for report in reports)
    if doubled := sorted(name for name, count in names.items() if count > 1 or name in taken):
        raise PluginError(f"setting `reports`: there is another stream of the name {', '.join(doubled)}")
    return reports


def _date_range(name: str, dates: ReportDates) -> DateRange:
    try:
        start = date.fromisoformat(dates.start)
    except ValueError as error:
        raise PluginError(f"setting `reports`: `start` of {name} is not a date that exists: {dates.start}") from error
    return DateRange(
        first_parameter=dates.from_ or "From",
        last_parameter=dates.to or "To",
        start=start,
        lookback_days=LOOKBACK_DAYS if dates.lookback_days is None else dates.lookback_days,
        most_days=dates.most_days or MOST_DAYS,
    )


class _Field(msgspec.Struct):
    name: str
    dataType: str  # noqa: N815 - the API's name


class _Parameter(msgspec.Struct):
    name: str
    isRequired: bool  # noqa: N815 - the API's name


class Description(msgspec.Struct):
    """What the API says of a report."""

    fields: list[_Field]
    parameters: list[_Parameter]


read_description = msgspec.json.Decoder(Description).decode


def schema_of(report: Report, description: Description) -> Json:
    """Return the JSON Schema of a report's rows.

    Raises:
        StreamError: If the report has no such key, takes other parameters, or has a field that the tap puts in.
    """
    fields = {field.name: dict(_TYPES.get(field.dataType, {})) for field in description.fields}
    _check(report, description, fields.keys())
    for name in report.key:
        if name in fields:
            fields[name]["type"] = fields[name]["type"][0]
    return _schema(report, fields)


def undiscovered(report: Report, reason: str) -> Json:
    """Return what stands in the catalog for a report that could not be discovered. It says why.

    Discovery and run are two processes. The others of the catalog are to be read all the same, and this one is to fail.
    """
    return _schema(report, {name: {} for name in report.key}) | {"description": f"{_UNDISCOVERED}{reason}"}


def reason_undiscovered(schema: Json) -> str | None:
    """Return why a report could not be discovered, or None for the schema of one that was."""
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
        "it has a field of its own that the tap adds,": report.own_fields.keys() & set(fields),
        "it has no parameter": given - known,
        "it needs a value for the parameter": required - given,
    }
    for problem, names in problems.items():
        if names:
            raise StreamError(f"{problem} {', '.join(sorted(names))}: see the setting `reports`")


def _range_parameters(report: Report) -> set[str]:
    days = report.date_range
    return {days.first_parameter, days.last_parameter} if days else set()


def missing_fields(schema: Json, report: Report, answered: Sequence[str]) -> list[str]:
    """Return the fields that the schema has and the rows of an answer do not."""
    return sorted(schema["properties"].keys() - {EXTRA, *report.own_fields, *answered})
