"""A text becomes a value only if BigQuery reads it, and a number a time only if BigQuery has that time.

DuckDB casts more: `1.0` and `1e3` to an integer, `24:00:00` and `12:00` to a TIME, `t` to a BOOL, and it has the year
10000.
What BigQuery reads is in
https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_functions#cast, compared with the reference
implementation of GoogleSQL, whose words the refusals have. `SAFE_CAST` makes NULL of what is refused.

Two things are the emulator's own: a BIGNUMERIC of more than 18 digits behind the point is refused instead of rounded
(`rules.decimals`), and what follows the digits of a time zone is not looked at.
"""

from __future__ import annotations

from typing import NamedTuple

from local_bigquery.sql import rules
from local_bigquery.sql.dialect import macro
from local_bigquery.sql.rules.typing import TEXT, kind
from sqlglot import exp

from servicetitan_sandbox.bigquery.macros import add_macros

_Type = exp.DataType.Type

_DATE = r"\d{4}-\d{1,2}-\d{1,2}"
_TIME = r"([01]?\d|2[0-3]):\d{1,2}:\d{1,2}(\.\d{1,6})?"
_ZONE = r"( ?[zZ]| ?[+-]\d{1,2}(:?\d{2})?| ?[A-Za-z]+(/[A-Za-z_/+-]+)?)"
_DECIMAL = r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*"
_SHORT_DECIMAL = r"\s*[+-]?(\d+\.?\d{0,18}0*|\.\d{1,18}0*)([eE]\+?\d+)?\s*"


class _Form(NamedTuple):
    pattern: str
    """What a text must match as a whole."""
    refusal: str
    """What is said of another text, which follows."""


_FORMS = {
    _Type.BIGINT: _Form(r"\s*[+-]?(\d+|0[xX][0-9a-fA-F]+)\s*", "Bad int64 value: "),
    _Type.BOOLEAN: _Form(r"(?i)true|false", "Bad bool value: "),
    _Type.DATE: _Form(_DATE, "Invalid date: "),
    _Type.TIME: _Form(_TIME, "Invalid time string: "),
    _Type.TIMESTAMP: _Form(f"{_DATE}([ tT]{_TIME})?", "Invalid datetime string: "),
    _Type.TIMESTAMPTZ: _Form(f"{_DATE}([ tT]{_TIME})?{_ZONE}?", "Invalid timestamp: "),
    _Type.DECIMAL: _Form(_DECIMAL, "Invalid NUMERIC value: "),
    _Type.BIGDECIMAL: _Form(_SHORT_DECIMAL, "Invalid BIGNUMERIC value, or one that the local BigQuery cannot hold: "),
}
"""By what DuckDB calls a type: a TIMESTAMP is BigQuery's DATETIME there."""

_BYTES = {_Type.BINARY, _Type.VARBINARY}
_NUMERIC_SCALE = 9
"""A DECIMAL with more digits behind the point is what the emulator makes of BIGNUMERIC."""

_DAYS = (-719162, 2932896)
_SECONDS = (-62135596800, 253402300799)

_MACROS = r"""
CREATE OR REPLACE MACRO bq.main._checked_text(x, pattern, refusal) AS list_transform([x], lambda v: CASE
    WHEN v IS NULL OR typeof(v) <> 'VARCHAR' OR regexp_full_match(CAST(v AS VARCHAR), pattern) THEN v
    ELSE _raise(refusal || CAST(v AS VARCHAR))
END)[1];

CREATE OR REPLACE MACRO bq.main._safe_text(x, pattern) AS list_transform([x], lambda v: CASE
    WHEN typeof(v) <> 'VARCHAR' OR regexp_full_match(CAST(v AS VARCHAR), pattern) THEN v
END)[1];

CREATE OR REPLACE MACRO bq.main._in_range(x, least, most) AS list_transform([x], lambda v: CASE
    WHEN v IS NULL OR v BETWEEN least AND most THEN v
    ELSE _raise('Input value ' || v || ' is out of the allowed range between ' || least || ' to ' || most)
END)[1];
"""
"""Each names its argument once: DuckDB puts the whole expression in every place where a macro names it, and a statement
that casts twenty columns took longer to be read than to be run."""


def install() -> None:
    """Add the checks to the translation of statements."""
    add_macros(_MACROS)
    rules.NODE_RULES.insert(0, _check_range)
    rules.NODE_RULES.insert(0, _check_cast)


def _check_cast(node: exp.Expression, context: object) -> exp.Expression:  # noqa: ARG001 - the rules' signature
    if not isinstance(node, exp.Cast) or node.args.get("format") or node.this.is_string:
        return node
    if kind(node.this) not in {None, _Type.UNKNOWN, *TEXT}:
        return node
    if node.to.this in _BYTES and kind(node.this) in TEXT:
        encoded: exp.Expression = exp.Encode(this=node.this, charset=exp.Literal.string("utf-8"))
        encoded.type = node.to
        return encoded
    if form := _form(node.to):
        node.set("this", _checked(node.this, form, is_safe=isinstance(node, exp.TryCast)))
    return node


def _form(wanted: exp.DataType) -> _Form | None:
    scale = int(wanted.expressions[1].name) if len(wanted.expressions) > 1 else 0
    return _FORMS.get(_Type.BIGDECIMAL if scale > _NUMERIC_SCALE else wanted.this)


def _checked(text: exp.Expression, form: _Form, *, is_safe: bool) -> exp.Expression:
    pattern, refusal = exp.Literal.string(form.pattern), exp.Literal.string(form.refusal)
    checked: exp.Expression = (
        macro("_safe_text", text, pattern) if is_safe else macro("_checked_text", text, pattern, refusal)
    )
    checked.type = text.type or None
    if kind(text) in TEXT:
        checked.type = exp.DataType.build("VARCHAR")
    return checked


def _check_range(node: exp.Expression, context: object) -> exp.Expression:  # noqa: ARG001 - the rules' signature
    if isinstance(node, exp.DateFromUnixDate):
        least, most = _DAYS
    elif isinstance(node, exp.UnixToTime):
        scale = int(node.args["scale"].name) if node.args.get("scale") else 0
        least, most = _SECONDS[0] * 10**scale, (_SECONDS[1] + 1) * 10**scale - 1
    else:
        return node
    number = macro("_in_range", node.this, exp.Literal.number(least), exp.Literal.number(most))
    number.type = exp.DataType.build("BIGINT")
    node.set("this", number)
    return node
