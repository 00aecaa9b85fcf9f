"""The analyzer accepts what BigQuery accepts, and refuses statements that only the local BigQuery accepts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from servicetitan_sandbox.bigquery.googlesql.analyzer import GoogleSQL, SqlError

COLUMNS = [
    ("id", "INT64"),
    ("end", "TIMESTAMP"),
    ("price", "NUMERIC"),
    ("tags", "ARRAY<STRING>"),
    ("custom", "JSON"),
    ("address", "STRUCT<`street` STRING, `lines` ARRAY<STRING>>"),
    ("_etl_operation", "STRING"),
    ("_etl_synced", "TIMESTAMP"),
]


@pytest.fixture(scope="module")
def sql() -> GoogleSQL:
    return GoogleSQL({"co-1.bronze.jobs": COLUMNS, "co-1.staging.jobs__r1": COLUMNS}, {"synced": "TIMESTAMP"})


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT `end`, t.end FROM `co-1.bronze.jobs` AS t",
        "SELECT id FROM `co-1`.`bronze`.`jobs`",
        "SELECT id FROM co-1.bronze.jobs",
        "SELECT TO_JSON_STRING(custom) = TO_JSON_STRING(custom) FROM `co-1.bronze.jobs`",
        "SELECT * FROM `co-1.bronze.jobs` WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY id ORDER BY price) = 1",
        "ALTER TABLE `co-1.bronze.jobs` ADD COLUMN IF NOT EXISTS note STRING",
        "BEGIN TRANSACTION; DELETE FROM `co-1.bronze.jobs` WHERE TRUE; SELECT @@row_count; COMMIT TRANSACTION;\n",
        """
        MERGE `co-1.bronze.jobs` AS t USING `co-1.staging.jobs__r1` AS s ON t.id = s.id
        WHEN MATCHED AND t.price IS DISTINCT FROM s.price THEN
          UPDATE SET price = s.price, _etl_operation = 'UPDATE', _etl_synced = @synced
        WHEN NOT MATCHED BY TARGET THEN INSERT (id, price) VALUES (s.id, s.price)
        WHEN NOT MATCHED BY SOURCE AND t._etl_operation != 'DELETE' THEN
          UPDATE SET _etl_operation = 'DELETE', _etl_synced = @synced
        """,
    ],
)
def test_it_accepts_what_bigquery_accepts(sql: GoogleSQL, statement: str) -> None:
    sql.check(statement)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELECT end FROM `co-1.bronze.jobs`", "Unexpected keyword END [at 1:8]"),
        (
            "SELECT custom = custom FROM `co-1.bronze.jobs`",
            "Equality is not defined for arguments of type JSON [at 1:8]",
        ),
        (
            "SELECT tags = tags FROM `co-1.bronze.jobs`",
            "Equality is not defined for arguments of type ARRAY<STRING> [at 1:8]",
        ),
        ("SELECT tags IS DISTINCT FROM tags FROM `co-1.bronze.jobs`", "[at 1:8]"),
        ("SELECT address IS DISTINCT FROM address FROM `co-1.bronze.jobs`", "[at 1:8]"),
        ("SELECT id::STRING FROM `co-1.bronze.jobs`", "[at 1:10]"),
        ("SELECT id = '1'\nFROM `co-1.bronze.jobs`\nWHERE nope", "Unrecognized name: nope [at 3:7]"),
        (
            "SELECT id = price AND id = TIMESTAMP '2024-01-01' FROM `co-1.bronze.jobs`",
            "No matching signature for operator =",
        ),
        ("SELECT @missing FROM `co-1.bronze.jobs`", "parameter 'missing' not found"),
        ("DELETE FROM `co-1.bronze.jobs` WHERE TRUE; SELECT nope", "Unrecognized name: nope"),
        ("SELECT 1 FROM `co-1.bronze.absent`", "Table not found"),
        ("\n", "there is no statement"),
    ],
)
def test_it_refuses_what_bigquery_refuses(sql: GoogleSQL, statement: str, message: str) -> None:
    with pytest.raises(SqlError) as caught:
        sql.check(statement)
    assert message in str(caught.value)


def test_it_evaluates_queries(sql: GoogleSQL) -> None:
    assert sql.rows(
        """
        SELECT 1, 1.5, NUMERIC '-1.25', BIGNUMERIC '0.1', 'é', TRUE, CAST(NULL AS STRING), [1, 2], STRUCT(1, 'x'),
          TIMESTAMP '2024-05-06 07:08:09.123456Z', DATE '1969-12-31', JSON '{"a": 1.0}', JSON 'null',
          TO_JSON_STRING(1.0)
        """,
    ) == [
        (
            *(1, 1.5, Decimal("-1.25"), Decimal("0.1"), "é", True, None, [1, 2], (1, "x")),
            *(datetime(2024, 5, 6, 7, 8, 9, 123456, UTC), date(1969, 12, 31), '{"a":1.0}', "null", "1"),
        ),
    ]


def test_a_query_that_fails_says_why(sql: GoogleSQL) -> None:
    with pytest.raises(SqlError, match="division by zero"):
        sql.rows("SELECT 1 / 0")
