"""Types of BigQuery columns, the type that fits several of them, and how a value gets that type. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from servicetitan_fleet.bigquery import quote_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from google.cloud.bigquery import SchemaField

_STANDARD_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT", "DECIMAL": "NUMERIC"}

_NUMBERS = ("INT64", "NUMERIC", "BIGNUMERIC", "FLOAT64")
"""Each can be cast to those behind it."""

_TEXTUAL = frozenset({*_NUMBERS, "BOOL", "STRING", "DATE", "DATETIME", "TIME", "TIMESTAMP"})
"""Types whose values can be read as text, whatever they are."""


@dataclass(frozen=True)
class ColumnType:
    """The type of a column."""

    kind: str
    """Its GoogleSQL name."""
    repeated: bool = False
    fields: tuple[tuple[str, ColumnType], ...] = ()
    """Names and types of the fields of a STRUCT."""

    @property
    def sql(self) -> str:
        """The type as GoogleSQL writes it."""
        inner = self.kind
        if self.kind == "STRUCT":
            inner = f"STRUCT<{', '.join(f'{quote_name(name)} {type_.sql}' for name, type_ in self.fields)}>"
        return f"ARRAY<{inner}>" if self.repeated else inner

    @property
    def short(self) -> str:
        """The type in a word or three, for people."""
        return f"ARRAY of {self.kind}" if self.repeated else self.kind


def column_type(field: SchemaField) -> ColumnType:
    """Return the type of a column."""
    return ColumnType(
        _STANDARD_NAMES.get(field.field_type, field.field_type),
        field.mode == "REPEATED",
        tuple((inner.name, column_type(inner)) for inner in field.fields),
    )


def common_type(types: Mapping[str, ColumnType], place: str, notices: list[str]) -> ColumnType | None:
    """Return the type that a column of several companies can have, or None if there is none.

    Numbers become the widest of their types, and other scalars text. STRUCTs have all the fields of all of them.

    Args:
        types: The types, by company.
        place: The path of the column, for notices.
        notices: Gets a line for each column that is cast or left out.
    """
    found = list(types.values())
    if all(each == found[0] for each in found):
        return found[0]
    kinds = {each.kind for each in found}
    if len({each.repeated for each in found}) == 1 and kinds == {"STRUCT"}:
        return _common_struct(types, place, notices)
    wanted = None
    if len({each.repeated for each in found}) == 1 and kinds <= _TEXTUAL:
        wanted = ColumnType(max(kinds, key=_NUMBERS.index) if kinds <= {*_NUMBERS} else "STRING", found[0].repeated)
    outcome = f"shown as {wanted.short}" if wanted else "left out"
    notices.append(f"{place}: {_list_types(types)}: {outcome}")
    return wanted


def _common_struct(types: Mapping[str, ColumnType], place: str, notices: list[str]) -> ColumnType:
    named = {company: dict(each.fields) for company, each in types.items()}
    fields = []
    for name in merged_names(each.keys() for each in named.values()):
        having = {company: _find(fields_, name) for company, fields_ in named.items()}
        present = {company: type_ for company, type_ in having.items() if type_ is not None}
        if wanted := common_type(present, f"{place}.{name}", notices):
            fields.append((name, wanted))
    return replace(next(iter(types.values())), fields=tuple(fields))


def merged_names(lists: Iterable[Iterable[str]]) -> list[str]:
    """Return every name of several lists once, in the order in which they first come. Case does not count."""
    found: dict[str, str] = {}
    for names in lists:
        for name in names:
            found.setdefault(name.lower(), name)
    return list(found.values())


def _find(fields: Mapping[str, ColumnType], name: str) -> ColumnType | None:
    return next((type_ for known, type_ in fields.items() if known.lower() == name.lower()), None)


def _list_types(types: Mapping[str, ColumnType]) -> str:
    companies: dict[str, list[str]] = {}
    for company, each in types.items():
        companies.setdefault(each.short, []).append(company)
    return "; ".join(f"{kind} in {_list_names(names)}" for kind, names in companies.items())


def _list_names(names: Sequence[str], most: int = 3) -> str:
    rest = len(names) - most
    return f"{', '.join(names[:most])}{f' and {rest} more' if rest > 0 else ''}"


def converted(value: str, have: ColumnType | None, want: ColumnType, depth: int = 1) -> str:
    """Return the expression that gives a value the type that it is to have.

    Args:
        value: The expression of the value.
        have: Its type. None if there is no such value.
        want: The type that it is to have.
        depth: How many arrays it is in, counted from 1: their elements need names of their own.
    """
    if have is None:
        return f"CAST(NULL AS {want.sql})"
    if have == want:
        return value
    if want.repeated:
        element, offset = f"element_{depth}", f"offset_{depth}"
        inner = converted(element, replace(have, repeated=False), replace(want, repeated=False), depth + 1)
        elements = f"UNNEST({value}) AS {element} WITH OFFSET AS {offset} ORDER BY {offset}"
        return f"ARRAY(SELECT {inner} FROM {elements})"  # noqa: S608 - names are quoted
    if want.kind != "STRUCT":
        return f"CAST({value} AS {want.kind})"
    known = dict(have.fields)
    fields = ", ".join(
        f"{converted(f'{value}.{quote_name(name)}', _find(known, name), type_, depth)} AS {quote_name(name)}"
        for name, type_ in want.fields
    )
    return f"IF({value} IS NULL, NULL, STRUCT({fields}))"
