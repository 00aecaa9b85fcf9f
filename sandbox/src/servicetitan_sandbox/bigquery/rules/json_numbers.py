"""JSON values and texts have the numbers that BigQuery has.

DuckDB keeps the text of a JSON value and writes numbers in its own way. Here PARSE_JSON makes what BigQuery's JSON can
hold, results show it so, TO_JSON_STRING and TO_JSON write what BigQuery writes, and `CAST(x AS STRING)` writes NUMERIC,
BIGNUMERIC and FLOAT64 as BigQuery does.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from local_bigquery.engine import types
from local_bigquery.sql import native, rules
from local_bigquery.sql.dialect import macro
from local_bigquery.sql.rules import typing
from sqlglot import exp

from servicetitan_sandbox.bigquery.json_document import indented, parse_json
from servicetitan_sandbox.bigquery.json_encoding import float64_text, to_json, to_json_string
from servicetitan_sandbox.bigquery.macros import add_macros

if TYPE_CHECKING:
    from collections.abc import Callable

    from duckdb.sqltypes import DuckDBPyType

_FUNCTIONS = {
    "_parse_json": (parse_json, ["VARCHAR", "VARCHAR"], "VARCHAR"),
    "_to_json_string": (to_json_string, ["VARCHAR", "VARCHAR"], "VARCHAR"),
    "_to_json": (to_json, ["VARCHAR", "VARCHAR"], "VARCHAR"),
    "_json_indented": (indented, ["VARCHAR"], "VARCHAR"),
    "_float64_text": (float64_text, ["VARCHAR"], "VARCHAR"),
}

_MACROS = r"""
CREATE OR REPLACE MACRO bq.main.parse_json(s) AS CAST(_parse_json(s, 'exact') AS JSON),
    (s, mode) AS CAST(_parse_json(s, mode) AS JSON);

CREATE OR REPLACE MACRO bq.main._decimal_text(x) AS regexp_replace(CAST(x AS VARCHAR), '^(-?)\.', '\10.');

CREATE OR REPLACE MACRO bq.main._json_text(x) AS CASE
    WHEN starts_with(typeof(x), 'DECIMAL') AND NOT ends_with(typeof(x), ']')
        THEN coalesce(_to_json_string(bq.main._decimal_text(x), typeof(x)), 'null')
    WHEN regexp_matches(typeof(x), 'DOUBLE|FLOAT|DECIMAL|INT|TIME|JSON|BLOB')
        THEN coalesce(_to_json_string(CAST(to_json(x) AS VARCHAR), typeof(x)), 'null')
    ELSE coalesce(replace(replace(CAST(to_json(x) AS VARCHAR), chr(8232), '\u2028'), chr(8233), '\u2029'), 'null')
END;

CREATE OR REPLACE MACRO bq.main.to_json_string(x) AS bq.main._json_text(x),
    (x, pretty) AS CASE WHEN pretty THEN _json_indented(bq.main._json_text(x)) ELSE bq.main._json_text(x) END;

CREATE OR REPLACE MACRO bq.main.to_json(x) AS
    CAST(coalesce(_to_json(CAST(to_json(x) AS VARCHAR), typeof(x)), 'null') AS JSON);

CREATE OR REPLACE MACRO bq.main._number_text(x) AS CASE
    WHEN starts_with(typeof(x), 'DECIMAL')
        THEN regexp_replace(regexp_replace(bq.main._decimal_text(x), '(\.\d*?)0+$', '\1'), '\.$', '')
    WHEN typeof(x) IN ('DOUBLE', 'FLOAT') THEN _float64_text(CAST(x AS VARCHAR))
    ELSE CAST(x AS VARCHAR)
END;
"""

_Type = exp.DataType.Type
_NUMBERS = exp.DataType.NUMERIC_TYPES - exp.DataType.INTEGER_TYPES


def install() -> None:
    """Replace the emulator's functions when the database is opened, and translate casts."""
    native.FUNCTIONS.update(_FUNCTIONS)
    add_macros(_MACROS)
    rules.NODE_RULES.insert(0, _cast_to_string)
    # It makes a STRUCT with BYTES anew, and so of NULL a STRUCT with NULL in it.
    rules.NODE_RULES.remove(typing.json_bytes)
    types._encode = _with_json_texts(types._encode)  # noqa: SLF001 - there is no other way in


def _cast_to_string(node: exp.Expression, context: object) -> exp.Expression:  # noqa: ARG001 - the rules' signature
    if not (isinstance(node, exp.Cast) and node.to.this in exp.DataType.TEXT_TYPES) or node.args.get("format"):
        return node
    kind = node.this.to if isinstance(node.this, exp.Cast) else node.this.type
    if kind is None or kind.this in {*_NUMBERS, _Type.UNKNOWN}:
        node.set("this", macro("_number_text", node.this))
    return node


def _with_json_texts(encode: Callable[..., str]) -> Callable[..., str]:
    @functools.wraps(encode)
    def encode_value(x: str, t: DuckDBPyType, *args: object) -> str:
        return f"_parse_json(CAST({x} AS VARCHAR), 'round')" if str(t) == "JSON" else encode(x, t, *args)

    return encode_value
