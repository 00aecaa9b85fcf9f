"""The dialect: GoogleSQL without what BigQuery lacks. Builds the analyzer's options and catalogs, as protobuf."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as local_service
from zetasql.wasi._pb2.zetasql.proto import options_pb2, simple_catalog_pb2
from zetasql.wasi._pb2.zetasql.public import simple_table_pb2, type_pb2
from zetasql.wasi._pb2.zetasql.public.options_pb2 import (
    ERROR_MESSAGE_ONE_LINE,
    PRODUCT_EXTERNAL,
    LanguageFeature,
    ParameterMode,
)

from servicetitan_sandbox.bigquery.googlesql.service import service

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Columns = Sequence[tuple[str, str]]

ABSENT_FEATURES = (
    # ARRAY and JSON values cannot be compared or ordered in BigQuery.
    "FEATURE_ARRAY_EQUALITY",
    "FEATURE_ARRAY_ORDERING",
    "FEATURE_ARRAY_GREATEST_LEAST",
    "FEATURE_JSON_TYPE_COMPARISON",
    # Newer in BigQuery, and not in every place that compares: the target does without.
    "FEATURE_GROUP_BY_ARRAY",
    "FEATURE_GROUP_BY_STRUCT",
    # Not in BigQuery at all.
    "FEATURE_CAST_DIFFERENT_ARRAY_TYPES",
    "FEATURE_DML_RETURNING",
    "FEATURE_INSERT_ON_CONFLICT_CLAUSE",
    "FEATURE_UUID_TYPE",
    # A BigQuery TIMESTAMP has microseconds.
    "FEATURE_TIMESTAMP_NANOS",
    "FEATURE_TIMESTAMP_PICOS",
)

EXTRA_FEATURES = (
    "FEATURE_ALTER_COLUMN_SET_DATA_TYPE",
    "FEATURE_CLONE_DATA",
    "FEATURE_CREATE_TABLE_CLONE",
)

PSEUDO_COLUMNS = {
    "_PARTITIONTIME": "TIMESTAMP",
    "_PARTITIONDATE": "DATE",
    "_TABLE_SUFFIX": "STRING",
    "_FILE_NAME": "STRING",
}
"""Columns that a statement may name, and `SELECT *` leaves out."""

SYSTEM_VARIABLES = {
    "row_count": "INT64",
    "run_id": "STRING",
    "project_id": "STRING",
    "dataset_id": "STRING",
    "time_zone": "STRING",
    "session_id": "STRING",
    "current_job_id": "STRING",
    "script.job_id": "STRING",
    "error.message": "STRING",
    "error.statement_text": "STRING",
    "error.formatted_stack_trace": "STRING",
}
"""https://cloud.google.com/bigquery/docs/reference/system-variables, as far as the local BigQuery has them."""


@cache
def language() -> options_pb2.LanguageOptionsProto:
    """Return the options of BigQuery's dialect."""
    request = local_service.LanguageOptionsRequest(maximum_features=True)
    found = service().call("GetLanguageOptions", request, options_pb2.LanguageOptionsProto)
    features = set(found.enabled_language_features)
    features -= {LanguageFeature.Value(name) for name in ABSENT_FEATURES}
    features |= {LanguageFeature.Value(name) for name in EXTRA_FEATURES}
    return options_pb2.LanguageOptionsProto(
        enabled_language_features=sorted(features), product_mode=PRODUCT_EXTERNAL, reserved_keywords=["QUALIFY"]
    )  # no kind of statement is listed, which means all


def options(parameters: Mapping[str, str] | Sequence[str]) -> options_pb2.AnalyzerOptionsProto:
    """Return the options to analyze a statement with.

    Args:
        parameters: The type of each named query parameter, or those of the positional ones.
    """
    copy = options_pb2.AnalyzerOptionsProto()
    copy.CopyFrom(plain_options())
    for path, text in SYSTEM_VARIABLES.items():
        copy.system_variables.add(name_path=path.split("."), type=type_proto(text))
    if isinstance(parameters, dict):
        for name, text in parameters.items():
            copy.query_parameters.add(name=name, type=type_proto(text))
    elif parameters:
        copy.parameter_mode = ParameterMode.PARAMETER_POSITIONAL
        copy.positional_query_parameters.extend(map(type_proto, parameters))
    return copy


@cache
def plain_options() -> options_pb2.AnalyzerOptionsProto:
    """Return the options without parameters and variables."""
    return options_pb2.AnalyzerOptionsProto(
        language_options=language(),
        default_timezone="UTC",
        error_message_mode=ERROR_MESSAGE_ONE_LINE,
        ddl_pseudo_columns=[
            options_pb2.AnalyzerOptionsProto.QueryParameterProto(name=name, type=type_pb2.TypeProto(type_kind=kind))
            for name, kind in (("_PARTITIONTIME", type_pb2.TYPE_TIMESTAMP), ("_PARTITIONDATE", type_pb2.TYPE_DATE))
        ],
    )


def catalog(
    tables: Mapping[tuple[str, ...], Columns], constants: Mapping[str, str] | None = None
) -> simple_catalog_pb2.SimpleCatalogProto:
    """Return a catalog.

    Args:
        tables: The columns of each table, by its path as statements write it: ``("p.d.t",)`` is `` `p.d.t` ``.
        constants: The type of each variable of a script.
    """
    root = simple_catalog_pb2.SimpleCatalogProto(
        name="bigquery",
        builtin_function_options=options_pb2.ZetaSQLBuiltinFunctionOptionsProto(language_options=language()),
    )
    for path, columns in tables.items():
        inner = root
        for part in path[:-1]:
            inner = _inner(inner, part)
        inner.table.append(_table(path[-1], columns))
    for name, text in (constants or {}).items():
        root.constant.add(name_path=[name], type=type_proto(text))
    return root


def _inner(outer: simple_catalog_pb2.SimpleCatalogProto, name: str) -> simple_catalog_pb2.SimpleCatalogProto:
    found = next((inner for inner in outer.catalog if inner.name == name), None)
    return outer.catalog.add(name=name) if found is None else found


def _table(name: str, columns: Columns) -> simple_table_pb2.SimpleTableProto:
    table = simple_table_pb2.SimpleTableProto(name=name)
    for column, text in columns:
        is_pseudo = column in PSEUDO_COLUMNS
        table.column.add(
            name=column, type=type_proto(text), is_writable_column=not is_pseudo, is_pseudo_column=is_pseudo
        )
    return table


@lru_cache(maxsize=10_000)
def type_proto(text: str) -> Any:  # noqa: ANN401 - a class that is made at run time
    """Return the type that GoogleSQL writes so, such as `ARRAY<STRUCT<a INT64>>`.

    Raises:
        SqlError: If there is no such type.
    """
    request = local_service.AnalyzeRequest(
        options=plain_options(), simple_catalog=catalog({}), sql_statement=f"SELECT CAST(NULL AS {text}) AS x"
    )
    answer = service().call("Analyze", request, local_service.AnalyzeResponse)
    return answer.resolved_statement.resolved_query_stmt_node.output_column_list[0].column.type
