"""The schema of a query's result, as the API describes it. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zetasql.wasi._pb2.zetasql.public import type_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable

    Field = dict[str, Any]

_NAMES = {"INT64": "INTEGER", "DOUBLE": "FLOAT", "BOOL": "BOOLEAN", "STRUCT": "RECORD"}
"""What the API calls a type, where GoogleSQL calls it otherwise."""


def schema(columns: Iterable[tuple[str, Any]]) -> list[Field]:
    """Return the fields of a result. A column is never REQUIRED; one without a name is `f0_` by its place.

    Args:
        columns: The name of each column, and its type as GoogleSQL describes it.
    """
    return [_field(f"f{place}_" if name.startswith("$") else name, kind) for place, (name, kind) in enumerate(columns)]


def _field(name: str, kind: Any) -> Field:  # noqa: ANN401 - a class that is made at run time
    plain, mode = (kind.array_type.element_type, "REPEATED") if kind.HasField("array_type") else (kind, "NULLABLE")
    word = type_pb2.TypeKind.Name(plain.type_kind).removeprefix("TYPE_")
    described: Field = {"name": name, "type": _NAMES.get(word, word), "mode": mode}
    if word == "STRUCT":
        described["fields"] = schema((part.field_name, part.field_type) for part in plain.struct_type.field)
    return described
