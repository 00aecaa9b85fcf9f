"""The local BigQuery writes JSON values and numbers as the reference implementation of GoogleSQL does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests
from google.api_core.exceptions import GoogleAPICallError

from servicetitan_sandbox.bigquery.googlesql.analyzer import GoogleSQL, SqlError
from servicetitan_sandbox.client.bigquery_project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicetitan_sandbox.client.processes import BigQuery

_NUMBERS = (
    "0.10, 1.0, 1e2, -0, -0.0, 0e999, 0.1e1, 1e15, 999999999999999.9, 1234567890123456.5, 1e20, 1e21, 1e23, 0.0001, "
    "0.00001234, 1e-7, 1.5e300, 5e-324, 1e-400, 0.1234567890123456789, 18446744073709551615, 18446744073709551616, "
    "-9223372036854775808, -9223372036854775809, 12345678901234567890123, 9007199254740993, 0.30000000000000004"
)

PARSED = [
    f"TO_JSON_STRING(PARSE_JSON('[{_NUMBERS}]', wide_number_mode=>'round'))",
    "TO_JSON_STRING(PARSE_JSON('[0.10, 1.0, 1e2, -0.0, 18446744073709551615, 100000000000000000000, 5e-324]'))",
    r"""TO_JSON_STRING(PARSE_JSON('{"b": 1e2, "a": {"z": [ ], "": 1.50}, "b": 3, "\\u00e9": "1e2 \\u2028\\n/<é"}'))""",
    """TO_JSON_STRING(PARSE_JSON(' "1.0" '))""",
    """TO_JSON_STRING(JSON '{"b": 12345678901234567890123, "a": [1e2, 0.10]}')""",
    "TO_JSON_STRING(PARSE_JSON(CAST(NULL AS STRING)))",
    "TO_JSON_STRING(SAFE.PARSE_JSON('1e400'))",
]

WRITTEN = [
    "TO_JSON_STRING([0, 9007199254740992, 9007199254740993, -9007199254740992, -9007199254740993])",
    "TO_JSON_STRING([1.0, 1.5, 1e15, 1e20, 0.1, 1e-5, 1e300, 5e-324, 123456789.123, 0.0001, 1234567.0])",
    "TO_JSON_STRING(CAST('-0' AS FLOAT64))",
    "TO_JSON_STRING(1 / 3)",
    "TO_JSON_STRING([CAST('nan' AS FLOAT64), CAST('inf' AS FLOAT64), CAST('-inf' AS FLOAT64)])",
    (
        "TO_JSON_STRING([NUMERIC '1.50', NUMERIC '-0.5', NUMERIC '100', NUMERIC '12345678901234567890.123456789', "
        "NUMERIC '9007199254740993', NUMERIC '0'])"
    ),
    "TO_JSON_STRING(BIGNUMERIC '12345678901234567.0123456789')",
    "TO_JSON_STRING(BIGNUMERIC '-0.000000000000000001')",
    (
        "TO_JSON_STRING([TIMESTAMP '2024-05-06 07:08:09.123456Z', TIMESTAMP '2024-05-06 07:08:09.12Z', "
        "TIMESTAMP '2024-05-06 07:08:09Z', TIMESTAMP '0001-01-01 00:00:00.1234Z'])"
    ),
    "TO_JSON_STRING([DATETIME '2024-05-06 07:08:09.12', DATETIME '0002-05-06 07:08:09'])",
    "TO_JSON_STRING([TIME '07:08:09.1234', TIME '07:08:09', TIME '00:00:00.001'])",
    "TO_JSON_STRING([DATE '2024-05-06', DATE '0001-01-01'])",
    r"""TO_JSON_STRING('é\"\\/<>&\u2028\u2029\x7f\t\x01\b 😀')""",
    (
        "TO_JSON_STRING(STRUCT(2 AS b, [STRUCT(1.0 AS `x y, (z`, CAST(NULL AS NUMERIC) AS n)] AS a, "
        r"""STRUCT('s\u2028' AS s, b'ab' AS c, TRUE AS t, TIMESTAMP '2024-05-06 07:08:09Z' AS `time`) AS c, """
        """JSON '{"z": 1.0, "a": [1e2, "1e2"]}' AS j, NUMERIC '0.10' AS n, CAST(NULL AS STRUCT<x INT64>) AS e))"""
    ),
    "TO_JSON_STRING([b'', FROM_HEX('5c783431222700ff0ac3a9')])",
    "TO_JSON_STRING(STRUCT(CAST(NULL AS FLOAT64) AS a, CAST(NULL AS TIMESTAMP) AS b, CAST(NULL AS JSON) AS c))",
    "TO_JSON_STRING(CAST(NULL AS INT64))",
    """TO_JSON_STRING(STRUCT([1.0, 2.5] AS b, ARRAY<INT64>[] AS d, JSON '{"x":[1e20,{}], "y": "{,"}' AS j), true)""",
    (
        "TO_JSON_STRING(TO_JSON(STRUCT(9007199254740993 AS b, [1.0, 0.5, 1e20, CAST('nan' AS FLOAT64)] AS a, "
        "NUMERIC '1.50' AS n, NUMERIC '12345678901234567890.123456789' AS w)))"
    ),
    "TO_JSON_STRING(TO_JSON(TIMESTAMP '2024-05-06 07:08:09.12Z'))",
    "TO_JSON_STRING(TO_JSON(CAST(NULL AS INT64)))",
]

CAST = [
    "CAST(NUMERIC '0.50' AS STRING)",
    "CAST(NUMERIC '-0.5' AS STRING)",
    "CAST(NUMERIC '100' AS STRING)",
    "CAST(NUMERIC '0' AS STRING)",
    "CAST(CAST('12.340' AS NUMERIC) AS STRING)",
    "SAFE_CAST(BIGNUMERIC '0.123000' AS STRING)",
    "CAST(BIGNUMERIC '12345678901234567.0123456789' AS STRING)",
    "CAST((SELECT SUM(x) FROM UNNEST([NUMERIC '0.10', NUMERIC '0.20']) AS x) AS STRING)",
    "CAST(1.0 AS STRING)",
    "CAST(1e20 AS STRING)",
    "CAST(1 / 3 AS STRING)",
    "CAST(CAST('-inf' AS FLOAT64) AS STRING)",
    "CAST(10 AS STRING)",
]

REFUSED = [
    "PARSE_JSON('1e400', wide_number_mode=>'round')",
    "PARSE_JSON('[1e400]')",
    "PARSE_JSON('12345678901234567890123')",
    "PARSE_JSON('0.1234567890123456789')",
    "PARSE_JSON('1e23')",
    "PARSE_JSON('1e-400')",
    "PARSE_JSON('NaN')",
    "PARSE_JSON(' ')",
    "PARSE_JSON('01')",
    "PARSE_JSON('[1,]')",
    r"""PARSE_JSON('"\\ud800"')""",
    "PARSE_JSON('1', wide_number_mode=>'x')",
]


@pytest.fixture(scope="module")
def reference() -> GoogleSQL:
    return GoogleSQL({})


@pytest.fixture(scope="module")
def project(bigquery: BigQuery) -> Iterator[Project]:
    project = Project(bigquery.api_endpoint)
    project.client.create_dataset("bronze")
    yield project
    project.delete()


@pytest.mark.parametrize("expression", [*PARSED, *WRITTEN, *CAST])
def test_it_writes_what_the_reference_writes(project: Project, reference: GoogleSQL, expression: str) -> None:
    [(wanted,)] = reference.rows(f"SELECT {expression}")

    [row] = project.query(f"SELECT {expression} AS v")

    assert row["v"] == wanted


@pytest.mark.parametrize("expression", REFUSED)
def test_it_refuses_what_the_reference_refuses(project: Project, reference: GoogleSQL, expression: str) -> None:
    with pytest.raises(SqlError):
        reference.rows(f"SELECT {expression}")

    with pytest.raises(GoogleAPICallError, match=r"PARSE_JSON"):
        project.query(f"SELECT {expression} AS v")


def test_a_stored_value_is_shown_as_bigquery_keeps_it(bigquery: BigQuery, project: Project) -> None:
    project.query("CREATE TABLE bronze.kept (id INT64, v JSON)")
    project.query(
        'MERGE bronze.kept AS t USING (SELECT 1 AS id, \'{"b": 1e2, "a": 1e20}\' AS text) AS s ON t.id = s.id '
        "WHEN NOT MATCHED THEN INSERT (id, v) VALUES (id, PARSE_JSON(s.text, wide_number_mode => 'round'))"
    )
    assert not project.client.insert_rows_json(f"{project.bronze}.kept", [{"id": 2, "v": '{"b": 1e2, "a": 1e20}'}])

    answer = requests.post(
        f"{bigquery.api_endpoint}/bigquery/v2/projects/{project.name}/queries",
        json={"query": "SELECT v, TO_JSON_STRING(v) FROM bronze.kept", "useLegacySql": False},
        timeout=60,
    ).json()

    texts = [cell["v"] for row in answer["rows"] for cell in row["f"]]
    assert texts == ['{"a":1e+20,"b":100.0}'] * 4
