"""A report: its parameters, and its rows for given arguments.

Each value depends on the report, the day, the number of the row and the field alone. So a day has the same rows in
every range of days, and a new field does not change the values of the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

from servicetitan_sandbox.errors import ArgumentsError
from servicetitan_sandbox.models import ReportField
from servicetitan_sandbox.servicetitan.data.vocabulary import AWKWARD_TEXTS, vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Json = dict[str, Any]

_MOST_ROWS_A_DAY = 3
_ROWS_WITHOUT_DAYS = 25
_NULLS = 0.08
_AWKWARD = 0.1

FIELDS = (
    ReportField(name="Name", label="Name", dataType="String"),
    ReportField(name="BusinessUnitId", label="Business Unit", dataType="Number"),
    ReportField(name="Revenue", label="Total Revenue", dataType="Number"),
    ReportField(name="Active", label="Is Active", dataType="Boolean"),
    ReportField(name="StartTime", label="Start Time", dataType="Time"),
)
DAY = ReportField(name="Date", label="Date", dataType="Date")

VALUE_FIELDS = ({"name": "id", "label": "Id"}, {"name": "name", "label": "Name"})
"""The columns of a list of values that a parameter takes."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report.

    Attributes:
        key: Identifies the report. The same key makes the same rows.
        fields: Its columns.
        by_day: Whether the report takes a range of days. If not, it shows the present state.
        units: The ids of the business units.
        as_text: Whether cells are texts as a person would write them.
    """

    key: str
    fields: tuple[ReportField, ...]
    by_day: bool
    units: Sequence[int]
    as_text: bool = False

    def parameters(self) -> list[Json]:
        """Return the descriptions of the parameters."""
        days = [_parameter("From", "Date", required=True), _parameter("To", "Date", required=True)]
        date_types = {"fields": VALUE_FIELDS, "values": [[1, "Completion Date"], [2, "Invoice Date"]]}
        units = {"fields": VALUE_FIELDS, "dynamicSetId": "business-units"}
        return [
            *(days if self.by_day else ()),
            _parameter("DateType", "Number", accepts=date_types),
            _parameter("BusinessUnitIds", "Number", is_array=True, accepts=units),
            _parameter("Active", "Boolean"),
        ]

    def rows(self, arguments: Mapping[str, Any]) -> list[list[object]]:
        """Return the rows for some arguments.

        Args:
            arguments: Values of parameters, by name.

        Raises:
            ArgumentsError: If the report does not take the arguments.
        """
        self._check(arguments)
        rows = (row for day, count in self._days(arguments) for row in self._rows_of_day(day, count))
        shown = ([row[field.name] for field in self.fields] for row in rows if _is_wanted(row, arguments))
        return [list(map(_written, row)) for row in shown] if self.as_text else list(shown)

    def _check(self, arguments: Mapping[str, Any]) -> None:
        known = {parameter["name"]: parameter for parameter in self.parameters()}
        errors = {name: ["The report has no such parameter."] for name in arguments.keys() - known.keys()}
        for name, parameter in known.items():
            if name in arguments and not _fits(parameter, arguments[name]):
                errors[name] = [f"The value must be of the type {parameter['dataType']}."]
            elif parameter["isRequired"] and name not in arguments:
                errors[name] = ["The parameter is required."]
        if errors:
            raise ArgumentsError(errors)

    def _days(self, arguments: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
        """Yield each day in the range and how many rows it has; an empty day for a report without days."""
        if not self.by_day:
            yield "", _ROWS_WITHOUT_DAYS
            return
        first, last = _day(arguments["From"]), _day(arguments["To"])
        for number in range((last - first).days + 1):
            day = (first + timedelta(number)).isoformat()
            yield day, Random(f"{self.key}/{day}").randint(0, _MOST_ROWS_A_DAY)

    def _rows_of_day(self, day: str, count: int) -> Iterator[dict[str, object]]:
        fields = {field.name: field for field in (*FIELDS, *self.fields)}.values()
        for number in range(count):
            yield {
                field.name: self._value(field, day, Random(f"{self.key}/{day}/{number}/{field.name}"))
                for field in fields
            }

    def _value(self, field: ReportField, day: str, random: Random) -> object:
        if field.name == DAY.name and day:
            # A day begins at midnight in the company's time zone.
            return f"{day}T00:00:00-05:00"
        if field.name == "BusinessUnitId" and self.units:
            return random.choice(self.units)
        return None if random.random() < _NULLS else _MAKERS[field.dataType](random)


def _parameter(
    name: str, data_type: str, *, required: bool = False, is_array: bool = False, accepts: Json | None = None
) -> Json:
    return {
        "name": name,
        "label": name,
        "dataType": data_type,
        "isArray": is_array,
        "isRequired": required,
        "acceptValues": accepts,
    }


def _fits(parameter: Json, value: object) -> bool:
    values = value if parameter["isArray"] and isinstance(value, list) else [value]
    return isinstance(value, list) == parameter["isArray"] and all(
        _TESTS[parameter["dataType"]](item) for item in values
    )


def _written(value: object) -> object:
    """Return a value as a person would write it."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, int | Decimal):
        return f"{value:,}"
    if isinstance(value, str) and _is_day(value):
        return f"{_day(value):%m/%d/%Y}"
    return "" if value is None else value


def _is_wanted(row: Mapping[str, object], arguments: Mapping[str, Any]) -> bool:
    units = arguments.get("BusinessUnitIds")
    return (units is None or row["BusinessUnitId"] in units) and arguments.get("Active") in {None, row["Active"]}


def _day(value: str) -> date:
    return datetime.fromisoformat(value).date()


def _is_day(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(_day(value))
    except ValueError:
        return False


_TESTS: Mapping[str, Callable[[object], bool]] = {
    "Boolean": lambda value: isinstance(value, bool),
    "Date": _is_day,
    "Number": lambda value: isinstance(value, int | Decimal) and not isinstance(value, bool),
    "String": lambda value: isinstance(value, str),
    "Time": lambda value: isinstance(value, str),
}


def _text(random: Random) -> str:
    return random.choice(AWKWARD_TEXTS if random.random() < _AWKWARD else vocabulary().labels)


def _date(random: Random) -> str:
    moment = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=random.randrange(10**7))
    return moment.isoformat()


_MAKERS: Mapping[str, Callable[[Random], object]] = {
    "Boolean": lambda random: random.random() < 0.5,  # noqa: PLR2004 - a coin
    "Date": _date,
    "Number": lambda random: random.choice((random.randrange(10**4), Decimal(random.randrange(10**7)).scaleb(-2))),
    "String": _text,
    "Time": lambda random: f"{random.randrange(24):02d}:{random.randrange(60):02d}:00",
}
