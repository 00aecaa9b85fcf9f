"""The reports of the setting `reports`. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec

from tap_servicetitan.days import DaysSince
from tap_servicetitan.plugin_runtime.errors import PluginError
from tap_servicetitan.reports.cells import check_format
from tap_servicetitan.specs.spec import DELETED_AT, DELETED_AT_SCHEMA, ResponseFormat, StreamSpec

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from tap_servicetitan.settings import ReportDates, ReportSettings

Json = dict[str, Any]

REPORT_DATE = "_report_date"
"""The field with the day that the report was run for."""

REPORT_POSITION = "_position"
"""The field with a row's position in its report, from 0 on, if no field of the report identifies the row."""

LOOKBACK_DAYS = 2
MOST_DAYS = 100
PAGE_SIZE = 25_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DateRange(DaysSince):
    """The days to run a report for, one run each."""

    first_parameter: str
    """The report's parameter that takes the first day."""

    last_parameter: str
    """The report's parameter that takes the last day: the same one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report, as a stream."""

    name: str
    category: str
    id: int
    parameters: Mapping[str, Any]
    key: tuple[str, ...]
    """The fields that identify a row; none if only its position does."""
    date_range: DateRange | None
    formats: Mapping[str, str]
    """How the texts in a column are written, by column: see `reports.cells`."""
    page_size: int

    @property
    def description_path(self) -> str:
        """Path of the report's description."""
        return f"/reporting/v2/tenant/{{tenant}}/report-category/{self.category}/reports/{self.id}"

    @property
    def data_path(self) -> str:
        """Path to run the report."""
        return f"{self.description_path}/data"

    @property
    def own_fields(self) -> dict[str, Json]:
        """The fields that the tap adds to each row, and their JSON Schemas."""
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
        """The spec of the stream."""
        position = [name for name in self.own_fields if name != DELETED_AT]
        return StreamSpec(
            name=self.name,
            list_path=self.description_path,
            response_format=ResponseFormat.DATA,
            key=self.key or tuple(position),
            cursor=REPORT_DATE if self.date_range else None,
            changed_since=self.date_range.first_parameter if self.date_range else None,
            selected=True,
        )

    def arguments(self, day: date | None) -> bytes:
        """Return the body of a run request: the values of the parameters.

        Args:
            day: The day to run the report for, if it has a date range.
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
        PluginError: If two streams have the same name, a day does not exist, or a format is none.
    """
    reports = [
        Report(
            name=declared.name,
            category=declared.category,
            id=declared.id,
            parameters=declared.parameters or {},
            key=tuple(declared.key or ()),
            date_range=_date_range(declared.name, declared.date_range) if declared.date_range else None,
            formats=_formats(declared),
            page_size=declared.page_size or PAGE_SIZE,
        )
        for declared in setting
    ]
    names = Counter(report.name for report in reports)
    if doubled := sorted(name for name, count in names.items() if count > 1 or name in taken):
        raise PluginError(f"setting `reports`: there is another stream with the name {', '.join(doubled)}")
    return reports


def _formats(declared: ReportSettings) -> Mapping[str, str]:
    for column, text in (declared.formats or {}).items():
        check_format(declared.name, column, text)
    return declared.formats or {}


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
