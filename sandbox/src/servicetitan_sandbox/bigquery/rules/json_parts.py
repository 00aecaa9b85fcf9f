r"""The parts of a JSON value, as JSON_QUERY, JSON_QUERY_ARRAY and JSON_VALUE give them.

https://cloud.google.com/bigquery/docs/reference/standard-sql/json_functions, compared with the reference implementation
of GoogleSQL:

- An element of an array may be JSON `null`, which is no SQL NULL; of what is no array, JSON_QUERY_ARRAY makes NULL.
- JSON_VALUE_ARRAY makes NULL of an array with an element that is no scalar, or `null`.
- JSON_QUERY makes NULL of `null` in a text, and keeps it in a JSON value.
- In a text, a character beyond U+FFFF that is written as two escapes (`\ud83d\ude00`) becomes two characters U+FFFD. In
  PARSE_JSON it is the character. Nothing is said of that in the documents, and so it is easily lost.

What is not reproduced is how JSON_VALUE writes a number that is no integer, and that the functions for texts give NULL
for a text that is not JSON: here it is refused.
"""

from __future__ import annotations

import re

from local_bigquery.sql import native, rules
from local_bigquery.sql.dialect import macro
from local_bigquery.sql.rules.typing import TEXT, kind
from sqlglot import exp

from servicetitan_sandbox.bigquery.macros import add_macros

_ESCAPE = re.compile(r"\\(?:u[dD][89a-fA-F][0-9a-fA-F]{2}|.)", re.DOTALL)
_REPLACEMENT = "\ufffd"
_PARTS = (exp.JSONExtract, exp.JSONExtractArray, exp.JSONExtractScalar, exp.JSONValueArray)

_MACROS = r"""
CREATE OR REPLACE MACRO bq.main._json_input(x) AS list_transform([x], lambda v: CASE
    WHEN regexp_matches(v, '\\u[dD][89a-fA-F]') THEN _without_pairs(v) ELSE v
END)[1];

CREATE OR REPLACE MACRO bq.main._json_array(x, path) AS list_transform([x], lambda v: CASE
    WHEN json_type(v, path) = 'ARRAY' THEN json_extract(v, path || '[*]')
END)[1];

CREATE OR REPLACE MACRO bq.main._json_texts(x, path) AS list_transform([x], lambda v: CASE
    WHEN json_type(v, path) = 'ARRAY' AND NOT coalesce(list_bool_or(list_transform(
        json_extract(v, path || '[*]'), lambda e: json_type(e) IN ('NULL', 'ARRAY', 'OBJECT'))), false)
    THEN list_transform(json_extract(v, path || '[*]'), lambda e: e ->> '$')
END)[1];
"""


def without_pairs(text: str) -> str:
    """Return a JSON text in which each escaped half of a pair of UTF-16 is U+FFFD."""
    return _ESCAPE.sub(lambda found: _REPLACEMENT if len(found[0]) > len(r"\n") else found[0], text)


def install() -> None:
    """Replace the emulator's functions when the database is opened, and translate calls of them."""
    native.FUNCTIONS["_without_pairs"] = (without_pairs, ["VARCHAR"], "VARCHAR")
    add_macros(_MACROS)
    rules.NODE_RULES.insert(0, _part)


def _part(node: exp.Expression, context: object) -> exp.Expression:  # noqa: ARG001 - the rules' signature
    if not isinstance(node, _PARTS):
        return node
    is_text = kind(node.this) in TEXT
    if is_text:
        node.set("this", macro("_json_input", node.this))
    if isinstance(node, exp.JSONExtractArray):
        array: exp.Expression = macro("_json_array", node.this, node.expression)
        return exp.Cast(this=array, to=exp.DataType.build("VARCHAR[]")) if is_text else array
    if isinstance(node, exp.JSONValueArray):
        texts: exp.Expression = macro("_json_texts", node.this, node.expression)
        return texts
    if is_text and type(node) is exp.JSONExtract:
        text = exp.Cast(this=node, to=exp.DataType.build("VARCHAR"))
        return exp.Nullif(this=text, expression=exp.Literal.string("null"))
    return node
