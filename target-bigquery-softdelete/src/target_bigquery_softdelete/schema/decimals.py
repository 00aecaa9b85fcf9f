"""Tells which numbers of a JSON Schema must keep all their digits, and how many digits they have. Pure functions."""

from __future__ import annotations

import decimal
import re
from typing import TYPE_CHECKING, Any

from target_bigquery_softdelete.schema.columns import NUMERIC_INTEGER_DIGITS, NUMERIC_SCALE, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

EXACT_FORMATS = frozenset({"decimal", "singer.decimal"})
"""Formats of numbers, and of strings that hold numbers, that must keep all their digits."""

_INT64_VALUES = 2**63
"""How many integers below zero INT64 holds. Above, it holds one less, which a bound that is a double cannot tell."""

_SQL_DECIMAL = re.compile(r"(?:big)?(?:numeric|decimal|number)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?", re.IGNORECASE)


def is_exact(schema: dict[str, Any]) -> bool:
    """Return whether the numbers of a schema must keep all their digits."""
    return (
        schema.get("format") in EXACT_FORMATS
        or "multipleOf" in schema
        or bool(_SQL_DECIMAL.fullmatch(str(schema.get("x-sql-datatype", ""))))
    )


def exceeds_int64(schema: dict[str, Any]) -> bool:
    """Return whether the declared bounds of an integer go beyond INT64, as those of unsigned integers do."""
    return any(abs(bound) > _INT64_VALUES for bound in _bounds(schema))


def declared_decimals(schema: dict[str, Any]) -> int | None:
    """Return how many digits after the point `multipleOf` declares, or None if there is none.

    >>> [declared_decimals({"multipleOf": step}) for step in (0.01, 1e-10, 5)], declared_decimals({})
    ([2, 10, 0], None)
    """
    return _decimal_places(schema["multipleOf"]) if schema.get("multipleOf") else None


def decimal_kind(schema: dict[str, Any]) -> Kind:
    """Return the type for the exact numbers of a schema."""
    integer_digits, scale = _declared_digits(schema)
    fits = scale <= NUMERIC_SCALE and integer_digits <= NUMERIC_INTEGER_DIGITS
    return Kind.NUMERIC if fits else Kind.BIGNUMERIC


def unite_exact(schemas: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the keywords of exact numbers that have the digits of all these schemas."""
    digits = [_declared_digits(schema) for schema in schemas]
    integer_digits, scale = (max(each) for each in zip(*digits, strict=True))
    return {"format": "decimal", "x-sql-datatype": f"decimal({integer_digits + scale}, {scale})"}


def _declared_digits(schema: dict[str, Any]) -> tuple[int, int]:
    """Return the digits before and after the point that the schema declares; 0 if it declares none."""
    declared = _SQL_DECIMAL.fullmatch(str(schema.get("x-sql-datatype", "")))
    if declared and declared[1]:
        scale = int(declared[2] or 0)
        return int(declared[1]) - scale, scale
    scale = _decimal_places(schema["multipleOf"]) if "multipleOf" in schema else 0
    digits = [decimal.Decimal(str(bound)).adjusted() + 1 for bound in _bounds(schema)]
    # `singer.decimal` schemas state exclusive bounds such as 1e38: that means 38 digits, not 39.
    exclusive = "exclusiveMaximum" in schema
    return max(0, max(digits, default=0) - (1 if exclusive and digits else 0)), scale


def _bounds(schema: dict[str, Any]) -> list[float]:
    found = [schema.get(word) for word in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")]
    return [bound for bound in found if isinstance(bound, (int, float)) and not isinstance(bound, bool) and bound]


def _decimal_places(step: float) -> int:
    exponent = decimal.Decimal(str(step)).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
