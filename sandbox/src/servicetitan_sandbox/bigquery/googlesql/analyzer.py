"""Analyzes and evaluates GoogleSQL against a catalog of tables.

BigQuery's dialect is GoogleSQL, and its analyzer is open source (ZetaSQL): it parses, resolves names and checks types
as BigQuery does.

    sql = GoogleSQL({"co-1.bronze.jobs": [("id", "INT64"), ("tags", "ARRAY<STRING>")]}, {"run_id": "STRING"})
    sql.check("SELECT id FROM `co-1.bronze.jobs` WHERE @run_id = 'a'")
    sql.rows("SELECT TO_JSON_STRING(1.0)")  # [("1",)]
"""

from __future__ import annotations

from datetime import UTC, date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as local_service

from servicetitan_sandbox.bigquery.googlesql.language import catalog, language, options, plain_options
from servicetitan_sandbox.bigquery.googlesql.service import SqlError, service

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from servicetitan_sandbox.bigquery.googlesql.language import Columns

__all__ = ["GoogleSQL", "SqlError", "check_statement", "result_columns", "table_paths"]

_DECIMAL_SCALES = {"numeric_value": 9, "bignumeric_value": 38}


def check_statement(
    sql: str,
    tables: Mapping[tuple[str, ...], Columns],
    parameters: Mapping[str, str] | Sequence[str] = (),
    constants: Mapping[str, str] | None = None,
) -> None:
    """Analyze one statement.

    Args:
        sql: The statement.
        tables: The columns of each table that it names, by the path that it writes.
        parameters: The type of each named query parameter, or those of the positional ones.
        constants: The type of each variable of the script that it is a part of.

    Raises:
        SqlError: If it is not valid.
    """
    service().call_raw("Analyze", _request(sql, tables, parameters, constants).SerializeToString())


def result_columns(
    sql: str,
    tables: Mapping[tuple[str, ...], Columns],
    parameters: Mapping[str, str] | Sequence[str] = (),
    constants: Mapping[str, str] | None = None,
) -> list[tuple[str, Any]]:
    """Return the columns of a query's result, each with its name and its type as GoogleSQL describes it.

    The arguments are those of `check_statement`.

    Raises:
        SqlError: If the query is not valid.
    """
    answer = service().call("Analyze", _request(sql, tables, parameters, constants), local_service.AnalyzeResponse)
    columns = answer.resolved_statement.resolved_query_stmt_node.output_column_list
    return [(column.name, column.column.type) for column in columns]


def _request(
    sql: str,
    tables: Mapping[tuple[str, ...], Columns],
    parameters: Mapping[str, str] | Sequence[str],
    constants: Mapping[str, str] | None,
) -> Any:  # noqa: ANN401 - a class that is made at run time
    return local_service.AnalyzeRequest(
        options=options(parameters), simple_catalog=catalog(tables, constants), sql_statement=sql
    )


def table_paths(sql: str) -> list[tuple[str, ...]]:
    """Return the paths of the tables that a statement reads or changes.

    Raises:
        SqlError: If it cannot be parsed.
    """
    request = local_service.ExtractTableNamesFromStatementRequest(sql_statement=sql, options=language())
    answer = service().call(
        "ExtractTableNamesFromStatement", request, local_service.ExtractTableNamesFromStatementResponse
    )
    return [tuple(name.table_name_segment) for name in answer.table_name]


class GoogleSQL:
    """Analyzes and evaluates GoogleSQL against a catalog of tables.

    Args:
        tables: For each full table name (`project.dataset.table`) its columns, as name and GoogleSQL type.
        parameters: The type of each named query parameter.
    """

    def __init__(self, tables: Mapping[str, Columns], parameters: Mapping[str, str] | None = None) -> None:
        # A table is found by its full name, quoted as a whole or in parts.
        paths = {path: columns for name, columns in tables.items() for path in ((name,), tuple(name.split(".")))}
        self._catalog = catalog(paths)
        self._options = options(dict(parameters or {}))

    def check(self, sql: str) -> None:
        """Analyze one statement, or several that end with semicolons, one after the other.

        A statement sees the tables of the catalog only, not those that an earlier one creates. Procedural statements
        (DECLARE, IF, LOOP) are not known to the analyzer.

        Raises:
            SqlError: If a statement is not valid.
        """
        if not sql.strip():
            raise SqlError("there is no statement [at 1:1]")
        text, position = sql.encode(), 0
        while text[position:].strip():
            request = local_service.AnalyzeRequest(options=self._options, simple_catalog=self._catalog)
            request.parse_resume_location.input = sql
            request.parse_resume_location.byte_position = position
            position = service().call("Analyze", request, local_service.AnalyzeResponse).resume_byte_position

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Evaluate a query that reads no table, on the reference implementation of GoogleSQL.

        Returns:
            The rows. ARRAY becomes a list, STRUCT a tuple, JSON its text, TIMESTAMP a UTC datetime.

        Raises:
            SqlError: If the query is not valid or fails.
        """
        request = local_service.EvaluateQueryRequest(sql=sql, options=plain_options(), simple_catalog=catalog({}))
        answer = service().call("EvaluateQuery", request, local_service.EvaluateQueryResponse)
        return [tuple(_python(cell) for cell in row.cell) for row in answer.content.table_data.row]


def _python(value: Any) -> Any:  # noqa: ANN401
    """Return a `ValueProto` as a Python value."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_python(element) for element in value.array_value.element]
    if kind == "struct_value":
        return tuple(_python(field) for field in value.struct_value.field)
    if kind == "timestamp_value":
        return value.timestamp_value.ToDatetime(UTC)
    if kind == "date_value":
        return date(1970, 1, 1) + timedelta(days=value.date_value)
    plain = getattr(value, kind)
    return _decimal(plain, _DECIMAL_SCALES[kind]) if kind in _DECIMAL_SCALES else plain


def _decimal(raw: bytes, scale: int) -> Decimal:
    return Decimal(int.from_bytes(raw, "little", signed=True)).scaleb(-scale)
