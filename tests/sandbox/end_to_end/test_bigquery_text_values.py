"""Texts become values, and JSON falls into parts, in the local BigQuery as in GoogleSQL's reference implementation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery as bq

from servicetitan_sandbox.bigquery.googlesql.analyzer import GoogleSQL
from servicetitan_sandbox.client.bigquery_project import Project

if TYPE_CHECKING:
    from servicetitan_sandbox.client.processes import BigQuery

TEXTS = {
    "INT64": ["0", "-9223372036854775808", "9223372036854775808", " 1 ", "+5", "0x1F", "1.0", "1e3", ""],
    "NUMERIC": ["1.0000000005", "-99999999999999999999999999999.999999999", "1e10", "1e-20", "1e29", "nan", "1.5.1"],
    "BIGNUMERIC": ["1.50000000000000000000000", "-0.000000000000000001"],
    "FLOAT64": ["NaN", "-inf", "1e+23", "-0.0", "5e-324", "1e400", "0.1", "x"],
    "DATE": ["0001-01-01", "9999-12-31", "2024-1-1", "2024-02-30", "10000-01-01", " 2024-01-01", "20240101"],
    "TIME": ["00:00:00", "23:59:59.999999", "1:2:3", "23:59:59.9999999", "24:00:00", "12:00"],
    "DATETIME": ["0001-01-01T00:00:00", "9999-12-31 23:59:59.999999", "2024-01-01", "10000-01-01 00:00:00"],
    "TIMESTAMP": ["0001-01-01 00:00:00+00", "9999-12-31T23:59:59.999999Z", "2024-01-01 00:00:00.1234567Z"],
    "BOOL": ["true", "FALSE", "1", "t", " true"],
    "BYTES": ["abc", "é\u2028"],
}
DOCUMENT = json.dumps(
    [["a", "", None, "12345678901234567890", [], ["x", "y"], {"k": "é"}], ["\u2028", "😀", "a\u0000b", "\\", '"'], []],
    ensure_ascii=False,
)
PATHS = ["$[0][0]", "$[0][1]", "$[0][2]", "$[0][3]", "$[0][4]", "$[0][5][1]", "$[0][6].k", "$[1][0]", "$[1][1]"]
PATHS += ["$[1][2]", "$[1][3]", "$[1][4]", "$[2]", "$[3]", "$[12][1]"]
PAIR = r'["\ud83d\ude00", "\\ud83d", "\ud83d"]'


@pytest.fixture(scope="module")
def project(bigquery: BigQuery) -> Project:
    return Project(bigquery.api_endpoint)


def literal(text: str) -> str:
    return '"' + "".join(f"\\U{ord(character):08x}" for character in text) + '"'


def here(project: Project, sql: str, *texts: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query with these texts as parameters: `@x0` and so on."""
    parameters = [bq.ScalarQueryParameter(f"x{place}", "STRING", text) for place, text in enumerate(texts)]
    job = project.client.query(sql, job_config=bq.QueryJobConfig(query_parameters=parameters), job_retry=None)
    return [tuple(row) for row in job.result(retry=None)]


def there(sql: str, *texts: str) -> list[tuple[Any, ...]]:
    """Return what the reference implementation makes of it."""
    for place in reversed(range(len(texts))):
        sql = sql.replace(f"@x{place}", literal(texts[place]))
    return GoogleSQL({}).rows(sql)


@pytest.mark.parametrize("kind", TEXTS)
def test_a_text_is_cast_if_bigquery_reads_it(project: Project, kind: str) -> None:
    texts = TEXTS[kind]
    casts = [f"TO_JSON_STRING(SAFE_CAST(@x{place} AS {kind})) AS c{place}" for place in range(len(texts))]
    assert here(project, f"SELECT {', '.join(casts)}", *texts) == there(f"SELECT {', '.join(casts)}", *texts)


def test_what_is_refused_says_so(project: Project) -> None:
    for sql, text in (("CAST(@x0 AS INT64)", "1.0"), ("TIMESTAMP_MICROS(CAST(@x0 AS INT64))", "253402300800000000")):
        with pytest.raises(BadRequest, match=text):
            here(project, f"SELECT {sql}", text)
    with pytest.raises(BadRequest, match="BIGNUMERIC"):
        here(project, "SELECT CAST(@x0 AS BIGNUMERIC)", "0.0000000000000000001")


def test_the_first_and_the_last_time(project: Project) -> None:
    micros = ["-62135596800000000", "253402300799999999", "0"]
    sql = ", ".join(f"TO_JSON_STRING(TIMESTAMP_MICROS(CAST(@x{place} AS INT64))) AS c{place}" for place in range(3))
    assert here(project, f"SELECT {sql}", *micros) == there(f"SELECT {sql}", *micros)


@pytest.mark.parametrize("source", ["@x0", "PARSE_JSON(@x0, wide_number_mode => 'round')"])
def test_the_parts_of_a_document(project: Project, source: str) -> None:
    values = [f"JSON_VALUE({source}, '{path}') AS v{place}" for place, path in enumerate(PATHS)]
    sizes = [f"ARRAY_LENGTH(JSON_QUERY_ARRAY({source}, '{path}')) AS n{place}" for place, path in enumerate(PATHS)]
    gone = [f"JSON_QUERY({source}, '{path}') IS NULL AS g{place}" for place, path in enumerate(PATHS)]
    texts = [f"ARRAY_LENGTH(JSON_VALUE_ARRAY({source}, '$[0][{place}]')) AS t{place}" for place in range(6)]
    for parts in (values, sizes, gone, texts):
        sql = f"SELECT {', '.join(parts)}"
        assert here(project, sql, DOCUMENT) == there(sql, DOCUMENT)


def test_the_elements_of_an_array(project: Project) -> None:
    document = '[null, 1, "a", [], {"a": null}]'
    elements = "FROM UNNEST(JSON_QUERY_ARRAY({})) AS r WITH OFFSET AS o ORDER BY o"
    for told, source in (
        ("r IS NULL, JSON_TYPE(r), TO_JSON_STRING(r), JSON_VALUE(r)", "PARSE_JSON(@x0)"),
        ("r IS NULL, r, JSON_VALUE(r)", "@x0"),
    ):
        sql = f"SELECT {told} {elements.format(source)}"
        assert here(project, sql, document) == there(sql, document)


def test_a_pair_of_escapes_is_lost_in_a_text_only(project: Project) -> None:
    values = "JSON_VALUE(@x0, '$[0]'), JSON_VALUE(@x0, '$[1]'), JSON_VALUE(@x0, '$[2]')"
    assert here(project, f"SELECT {values}", PAIR) == there(f"SELECT {values}", PAIR)
    assert here(project, f"SELECT {values}", PAIR) == [("\ufffd\ufffd", "\\ud83d", "\ufffd")]
    first = "SELECT JSON_VALUE(PARSE_JSON(@x0), '$[0]')"
    assert here(project, first, r'["\ud83d\ude00"]') == [("😀",)]
