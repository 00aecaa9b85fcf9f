"""The GoogleSQL analyzer: an independent check of the SQL that the target writes.

BigQuery's dialect is GoogleSQL, and its analyzer is open source (ZetaSQL). The package `zetasql` holds it compiled to
WebAssembly: it parses, resolves names and checks types as BigQuery does, which the embedded BigQuery does not. What the
analyzer allows and BigQuery lacks is switched off here.

    sql = GoogleSQL({"co-1.bronze.jobs": [("id", "INT64"), ("tags", "ARRAY<STRING>")]}, {"run_id": "STRING"})
    sql.check("SELECT id FROM `co-1.bronze.jobs` WHERE @run_id = 'a'")
    sql.rows("SELECT TO_JSON_STRING(1.0)")  # [("1",)]
"""

from __future__ import annotations

import fcntl
import os
from datetime import UTC, date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import wasmtime
from zetasql.api import Analyzer
from zetasql.core import wasm_client
from zetasql.core.exceptions import ServerError
from zetasql.core.local_service import ZetaSqlLocalService
from zetasql.types import (
    AnalyzerOptions,
    ErrorMessageMode,
    EvaluateQueryRequest,
    LanguageOptions,
    ParseResumeLocation,
    ProductMode,
    SimpleCatalog,
    SimpleColumn,
    SimpleTable,
    Type,
    ZetaSQLBuiltinFunctionOptions,
)
from zetasql.wasi._pb2.zetasql.local_service.local_service_pb2 import EvaluateQueryResponse
from zetasql.wasi._pb2.zetasql.public.options_pb2 import LanguageFeature

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CACHE_DIR = Path(__file__).parents[2] / ".tools" / "wasmtime"
"""Folder of the compiled module: the first start takes about 20 seconds, later ones about 2."""

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

SYSTEM_VARIABLES = {"row_count": "INT64", "run_id": "STRING"}

DECIMAL_SCALES = {"numeric_value": 9, "bignumeric_value": 38}


class SqlError(Exception):
    """BigQuery would refuse a statement. The text ends with the position, `[at line:column]`."""


class GoogleSQL:
    """Analyzes and evaluates GoogleSQL against a catalog of tables.

    Args:
        tables: For each full table name (`project.dataset.table`) its columns, as name and GoogleSQL type.
        parameters: The type of each named query parameter.
    """

    def __init__(
        self,
        tables: Mapping[str, Sequence[tuple[str, str]]],
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        self._analyzer = Analyzer(_options(), _catalog({}), _service())
        options = _options()
        options.query_parameters = [
            AnalyzerOptions.QueryParameter(name=name, type=self._type(text))
            for name, text in (parameters or {}).items()
        ]
        options.system_variables = [
            AnalyzerOptions.SystemVariable(name_path=[name], type=self._type(text))
            for name, text in SYSTEM_VARIABLES.items()
        ]
        catalog = _catalog({name: self._columns(columns) for name, columns in tables.items()})
        self._analyzer = Analyzer(options, catalog, _service())

    def check(self, sql: str) -> None:
        """Analyze one statement, or several that end with semicolons, one after the other.

        A statement sees the tables of the catalog only, not those that an earlier one creates. Procedural statements
        (DECLARE, IF, LOOP) are not known to the analyzer.

        Raises:
            SqlError: If a statement is not valid.
        """
        script = ParseResumeLocation(input=sql, byte_position=0)
        if not sql.strip():
            raise SqlError("there is no statement [at 1:1]")
        try:
            while sql.encode()[script.byte_position :].strip():
                self._analyzer.analyze_next_statement(script)
        except ServerError as error:
            raise SqlError(error.message) from error

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Evaluate a query that reads no table, on the reference implementation of GoogleSQL.

        Returns:
            The rows. ARRAY becomes a list, STRUCT a tuple, JSON its text, TIMESTAMP a UTC datetime.

        Raises:
            SqlError: If the query is not valid or fails.
        """
        request = EvaluateQueryRequest(sql=sql, options=_options(), simple_catalog=_catalog({}))
        try:
            # The answer is read as protobuf: the package's own classes lose timestamps.
            answer = _service().wasm_client.call_grpc_func(
                "ZetaSqlLocalService_EvaluateQuery", request.to_proto(), EvaluateQueryResponse
            )
        except ServerError as error:
            raise SqlError(error.message) from error
        return [tuple(_python(cell) for cell in row.cell) for row in answer.content.table_data.row]

    def _type(self, text: str) -> Type:
        statement = self._analyzer.analyze_statement(f"SELECT CAST(NULL AS {text}) AS x")
        return statement.output_column_list[0].column.type

    def _columns(self, columns: Sequence[tuple[str, str]]) -> list[SimpleColumn]:
        return [SimpleColumn(name=name, type=self._type(text), is_writable_column=True) for name, text in columns]


@cache
def _service() -> ZetaSqlLocalService:
    """Start the analyzer, once per process.

    Wasmtime keeps the compiled module in its own cache, which several processes may share: one of them compiles, while
    the others wait for it. `zetasql` makes its configuration itself, so the setting has to be put under it.
    """
    settings = CACHE_DIR / "config.toml"
    CACHE_DIR.mkdir(parents=True, exist_ok=True)
    draft = settings.with_suffix(f".{os.getpid()}")
    draft.write_text(f'[cache]\ndirectory = "{CACHE_DIR}/modules"\n', encoding="utf-8")
    draft.replace(settings)

    class CachingConfig(wasmtime.Config):
        def __init__(self) -> None:
            super().__init__()
            self.cache = str(settings)

    wasm_client.Config = CachingConfig
    with (CACHE_DIR / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return ZetaSqlLocalService.get_instance()


def _language() -> LanguageOptions:
    _service()
    language = LanguageOptions.maximum_features()
    features = {int(feature) for feature in language.enabled_language_features}
    features -= {LanguageFeature.Value(name) for name in ABSENT_FEATURES}
    features |= {LanguageFeature.Value(name) for name in EXTRA_FEATURES}
    language.enabled_language_features = sorted(features)
    language.product_mode = ProductMode.PRODUCT_EXTERNAL
    language.reserved_keywords = ["QUALIFY"]
    language.supported_statement_kinds = []  # none listed means all
    return language


def _options() -> AnalyzerOptions:
    return AnalyzerOptions(
        language_options=_language(),
        default_timezone="UTC",
        error_message_mode=ErrorMessageMode.ERROR_MESSAGE_ONE_LINE,
    )


def _catalog(tables: Mapping[str, list[SimpleColumn]]) -> SimpleCatalog:
    """Build a catalog that finds a table by its full name, quoted as a whole or in parts."""
    root = SimpleCatalog(
        name="bigquery",
        builtin_function_options=ZetaSQLBuiltinFunctionOptions(language_options=_language()),
    )
    for full_name, columns in tables.items():
        *path, name = full_name.split(".")
        inner = root
        for part in path:
            inner = _inner_catalog(inner, part)
        inner.table.append(SimpleTable(name=name, column=columns))
        root.table.append(SimpleTable(name=full_name, column=columns))
    return root


def _inner_catalog(catalog: SimpleCatalog, name: str) -> SimpleCatalog:
    found = next((inner for inner in catalog.catalog if inner.name == name), None)
    if found is None:
        found = SimpleCatalog(name=name)
        catalog.catalog.append(found)
    return found


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
    return _decimal(plain, DECIMAL_SCALES[kind]) if kind in DECIMAL_SCALES else plain


def _decimal(raw: bytes, scale: int) -> Decimal:
    return Decimal(int.from_bytes(raw, "little", signed=True)).scaleb(-scale)
