"""Every statement passes the GoogleSQL analyzer before it runs, against the true types of the tables, and has a length.

The emulator translates statements to DuckDB's dialect, which accepts much that BigQuery refuses: comparisons of ARRAY
and JSON, implicit casts, unquoted keywords, columns that are named like an alias.

Of a script each statement is analyzed when its turn comes: it sees the tables that earlier ones made. What the analyzer
cannot know is left to the emulator: the expressions of DECLARE, SET and IF, the text that EXECUTE IMMEDIATE makes, and
statements that call a function which a statement created.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb
from local_bigquery.catalog import datasets, row_access, tables
from local_bigquery.engine import types
from local_bigquery.errors import BigQueryError
from local_bigquery.jobs import query
from local_bigquery.models import TableFieldSchema
from local_bigquery.sql import script
from local_bigquery.sql.translate import parse, translate

from servicetitan_sandbox.bigquery import known_statements
from servicetitan_sandbox.bigquery.googlesql import result_schema
from servicetitan_sandbox.bigquery.googlesql.analyzer import SqlError, check_statement, result_columns, table_paths
from servicetitan_sandbox.bigquery.googlesql.service import start_in_background
from servicetitan_sandbox.bigquery.known_statements import Shape
from servicetitan_sandbox.bigquery.rules import table_listing

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from local_bigquery.models import JobConfigurationQuery, QueryParameterType
    from local_bigquery.sql.translate import Context

    Columns = tuple[tuple[str, str], ...]
    Path = tuple[str, ...]

LONGEST_STATEMENT = 1024 * 1000
"""Characters of a statement before its views are resolved
(https://cloud.google.com/bigquery/quotas#query_jobs, "Maximum unresolved GoogleSQL query length")."""

_TOO_LONG = (
    "The query is too large. The maximum standard SQL query length is 1024.00K characters, including comments and "
    "white space characters."
)

_UNKNOWN_TABLE = re.compile(r"Table not found: (?P<path>(?:`[^`]+`|[\w.-])+)")
_PATH_PART = re.compile(r"`[^`]+`|[\w-]+")
_POSITION = re.compile(r" \[at (\d+:\d+)\]$")
_UNKNOWN_FUNCTION = re.compile(r"(?:Function|Table-valued function|Procedure|Model) not found: (?P<name>[^\[;]+)")
_NEW_FUNCTION = re.compile(r"FUNCTION\s+(?:IF\s+NOT\s+EXISTS\s+)?`?(?P<name>\w+)", re.IGNORECASE)
_TIMESTAMP = re.compile(r"TIMESTAMP '(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{6})?(?:\+00:00)?)'")
_READS_OR_CHANGES_ROWS = re.compile(r"\s*(?:SELECT|WITH|INSERT|UPDATE|DELETE|MERGE)\b", re.IGNORECASE)
_LITERAL = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)
_LIKE_A_NAME = re.compile(r'`|"\."')
"""What a text has that could be taken for the name of a table."""
_DEPENDS_ON_MORE = re.compile(r"@@|SYSTEM_TIME|EXTERNAL_QUERY|SESSION_USER", re.IGNORECASE)
"""What makes the translation of a statement depend on the session or the time."""
_INGESTION_TIME = (("_PARTITIONTIME", "TIMESTAMP"), ("_PARTITIONDATE", "DATE"))
_MOST_PASSED = 50_000

_thread = threading.local()
_passed: dict[object, Sequence[dict[str, Any]] | None] = {}
"""The shapes of statements that have passed, with the columns of their tables and the types of their parameters.

Each with the fields of its result, if it is appended to a table.
"""


def install() -> None:
    """Start the analyzer, and let every statement pass it."""
    start_in_background()
    known_statements.install()
    query.execute = _with_job(query.execute)
    script.Interpreter = _Interpreter


@dataclass
class _Job:
    """The query that a thread runs."""

    text: str
    parameters: Mapping[str, str] | Sequence[str]
    appends: bool = False
    """Whether its result is appended to a table, so that the types of the result matter."""
    result: Sequence[dict[str, Any]] | None = None
    """The fields of the result, if it is appended and the analyzer knows it."""
    functions: set[str] = field(default_factory=set)
    """Names of the temporary functions so far, in lower case."""

    def parameter_types(self) -> Iterable[object]:
        """Return the types of the parameters, with their names if they have any."""
        return self.parameters.items() if isinstance(self.parameters, dict) else self.parameters


def _with_job(execute: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(execute)
    def execute_job(
        cursor: duckdb.DuckDBPyConnection,
        project_id: str,
        job_id: str | None,
        config: JobConfigurationQuery,
        *args: Any,  # noqa: ANN401 - the emulator's
        **options: Any,  # noqa: ANN401 - the emulator's
    ) -> Any:  # noqa: ANN401 - the emulator's
        text = config.query or ""
        if len(text) > LONGEST_STATEMENT:
            raise BigQueryError("invalid", _TOO_LONG)
        outer = getattr(_thread, "job", None)
        appends = config.destinationTable is not None and config.writeDisposition == "WRITE_APPEND"
        _thread.job = _Job(text, _parameter_types(config), appends)
        try:
            return execute(cursor, project_id, job_id, config, *args, **options)
        finally:
            _thread.job = outer

    return execute_job


def fields_of_result() -> Sequence[dict[str, Any]] | None:
    """Return the fields of the result that this thread's job appends to a table; None if they are not known."""
    job: _Job | None = getattr(_thread, "job", None)
    return job.result if job else None


class _Interpreter(script.Interpreter):  # type: ignore[misc] # the emulator has no types
    """Runs the statements of a job, each after the analyzer has passed it."""

    def __init__(self, *args: Any) -> None:  # noqa: ANN401 - the emulator's
        super().__init__(*args)
        run, remember = self.handlers["SQL"], self.handlers["TEMP_FUNCTION"]

        def run_checked(statement: script.Statement) -> None:
            checked = _Checked.of(self.cursor, self.context, statement.text, _thread.job)
            _check(self.cursor, self.context, checked, _thread.job)
            if checked.tells_all(self.context, _thread.job):
                with known_statements.recognized(statement.text, checked.shape, checked.key):
                    run(statement)
            else:
                run(statement)

        def remember_function(statement: script.Statement) -> None:
            if found := _NEW_FUNCTION.search(statement.text):
                _thread.job.functions.add(found["name"].lower())
            remember(statement)

        self.handlers |= {"SQL": run_checked, "TEMP_FUNCTION": remember_function}


@dataclass(frozen=True)
class _Relation:
    """What a statement reads or changes.

    Attributes:
        columns: Its columns.
        is_plain: Whether nothing but its columns changes what a statement about it means.
    """

    columns: Columns
    is_plain: bool = False


@dataclass(frozen=True)
class _Checked:
    """A statement, and what the analyzer has to know for it.

    Attributes:
        text: The statement.
        shape: The same without its full table names: the runs of two projects have one shape.
        names: The full name behind each placeholder of the shape, as paths that a statement writes.
        found: What each path of the shape stands for; None where there is nothing.
        constants: The type of each variable of the script.
        key: All that the analyzer's answer depends on. Times may be others.
    """

    text: str
    shape: Shape
    names: Mapping[Path, Path]
    found: Mapping[Path, _Relation | None]
    constants: Mapping[str, str]
    key: Hashable

    @classmethod
    def of(cls, cursor: duckdb.DuckDBPyConnection, context: Context, text: str, job: _Job) -> _Checked:
        constants = {name: _variable_type(cursor, table) for name, table in context.variables.items()}
        shape = Shape.of(text)
        names: dict[Path, Path] = {(shape.placeholder(number),): (name,) for number, name in enumerate(shape.names)}
        found = {path: _relation(cursor, context, names.get(path, path)) for path in _paths(shape.text)}
        columns = tuple((path, relation and relation.columns) for path, relation in found.items())
        key = (
            _TIMESTAMP.sub(_any_time, shape.text),
            columns,
            tuple(job.parameter_types()),
            tuple(constants.items()),
            job.appends,
        )
        return cls(text, shape, names, found, constants, key)

    def known(self) -> dict[Path, Columns]:
        """Return the columns of each table that there is, by the path that the statement writes."""
        return {self.names.get(path, path): relation.columns for path, relation in self.found.items() if relation}

    def missing(self) -> set[Path]:
        """Return the paths in the key that nothing stands for."""
        return {self.names.get(path, path) for path, relation in self.found.items() if relation is None}

    def tells_all(self, context: Context, job: _Job) -> bool:
        """Return whether the key and the parameters say all that the statement's translation depends on."""
        return (
            _READS_OR_CHANGES_ROWS.match(self.text) is not None
            and self.found.keys() == self.names.keys()
            and all(relation and relation.is_plain for relation in self.found.values())
            and not (context.variables or context.functions or context.temporary or job.functions)
            and not _DEPENDS_ON_MORE.search(self.text)
            and not any(_LIKE_A_NAME.search(literal) for literal in _LITERAL.findall(self.text))
            and not row_access.secured()
        )


def _check(cursor: duckdb.DuckDBPyConnection, context: Context, checked: _Checked, job: _Job) -> None:
    """Check one statement.

    Raises:
        BigQueryError: If BigQuery would refuse it.
    """
    if checked.key in _passed:
        job.result = _passed[checked.key]
        return None
    known = checked.known()
    named = set(known)
    placed = _at_its_place(checked.text, job.text)
    while refusal := _refusal(placed, known, job.parameters, checked.constants):
        path = _unknown_table(refusal)
        if path is None or path in known:
            return _refuse(refusal, job)
        relation = _relation(cursor, context, path)
        if relation is None:  # there is no such table, which the emulator says
            return _remember(checked.key, None) if path in checked.missing() else None
        known[path] = relation.columns
    if job.appends:
        job.result = result_schema.schema(result_columns(placed, known, job.parameters, checked.constants))
    return _remember(checked.key, job.result) if set(known) == named else None


def _refuse(refusal: str, job: _Job) -> None:
    if not _is_left_to_emulator(refusal, job):
        raise BigQueryError("invalidQuery", _POSITION.sub(r" at [\1]", refusal))


def _refusal(
    text: str,
    known: Mapping[Path, Columns],
    parameters: Mapping[str, str] | Sequence[str],
    constants: Mapping[str, str],
) -> str:
    try:
        check_statement(text, known, parameters, constants)
    except SqlError as error:
        return str(error) or "the statement is not valid"
    return ""


def _remember(key: object, result: Sequence[dict[str, Any]] | None) -> None:
    if len(_passed) >= _MOST_PASSED:
        _passed.clear()
    _passed[key] = result


def _any_time(literal: re.Match[str]) -> str:
    """Return what stands for each time that there is: whether a statement is valid depends on none."""
    try:
        dt.datetime.fromisoformat(literal[1])
    except ValueError:
        return literal[0]
    return "TIMESTAMP"


@functools.lru_cache(maxsize=10_000)
def _paths(shape: str) -> tuple[Path, ...]:
    """Return the paths of the tables that a statement reads or changes; none if it cannot be parsed."""
    try:
        return tuple(dict.fromkeys(table_paths(shape)))
    except SqlError:
        return ()


def _at_its_place(statement: str, whole: str) -> str:
    """Return a statement of a script with its own line and column, for the position of an error."""
    return re.sub(r"[^\n]", " ", whole[: max(whole.find(statement), 0)]) + statement


def _unknown_table(refusal: str) -> Path | None:
    """Return the path of the table that the analyzer lacks: it finds those of DDL only when it analyzes them."""
    found = _UNKNOWN_TABLE.match(refusal)
    return tuple(part.strip("`") for part in _PATH_PART.findall(found["path"])) if found else None


def _is_left_to_emulator(refusal: str, job: _Job) -> bool:
    """Return whether a refusal is about a function that a statement may have created, or about a script's CALL."""
    found = _UNKNOWN_FUNCTION.match(refusal)
    name = found["name"].strip(" `").lower() if found else ""
    return "." in name or name in job.functions


def _relation(cursor: duckdb.DuckDBPyConnection, context: Context, path: Path) -> _Relation | None:
    """Return a table, a view or one of the views of INFORMATION_SCHEMA; None if there is none."""
    parts = ".".join(path).split(".")
    project, dataset = [context.project_id, context.dataset_id or "", *parts[:-1]][-2:]
    if parts[-1] == table_listing.VIEW and datasets.exists(project, dataset):
        return _Relation(table_listing.COLUMNS, is_plain=True)
    try:
        table = tables.load(project, dataset, parts[-1])
    except (BigQueryError, duckdb.Error):
        return _emulators_relation(cursor, context, ".".join(f"`{part}`" for part in parts))
    columns = tuple((column.name, _type(column)) for column in tables.fields(table))
    partitioning = table.timePartitioning
    is_plain = table.type in {"TABLE", "VIEW"} and not table.requirePartitionFilter and dataset != tables.RESULTS
    return _Relation(columns + (_INGESTION_TIME if partitioning and not partitioning.field else ()), is_plain)


def _emulators_relation(cursor: duckdb.DuckDBPyConnection, context: Context, name: str) -> _Relation | None:
    """Return what the emulator has for a temporary table, a wildcard, or a view of INFORMATION_SCHEMA."""
    try:
        [tree] = parse(f"SELECT * FROM {name}")  # noqa: S608 - a name
        sql, bound = translate(tree, context)
        relation = cursor.sql(sql, params=bound)
    except (BigQueryError, duckdb.Error, NotImplementedError):
        return None
    columns = tuple(
        (name, _type(types.field(name, kind))) for name, kind in zip(relation.columns, relation.types, strict=True)
    )
    return _Relation((*columns, ("_TABLE_SUFFIX", "STRING")) if "*" in name else columns)


def _type(column: TableFieldSchema) -> str:
    text: str = types.bigquery_type(column)
    return text


def _variable_type(cursor: duckdb.DuckDBPyConnection, table: str) -> str:
    relation = cursor.sql(f"SELECT * FROM {table}")  # noqa: S608 - a name that the emulator made
    return _type(types.field("value", relation.types[0]))


def _parameter_types(config: JobConfigurationQuery) -> Mapping[str, str] | Sequence[str]:
    parameters = config.queryParameters or []
    if any(parameter.name for parameter in parameters):
        return {parameter.name: _parameter_type(parameter.parameterType) for parameter in parameters}
    return [_parameter_type(parameter.parameterType) for parameter in parameters]


def _parameter_type(kind: QueryParameterType) -> str:
    if kind.type == "ARRAY":
        return f"ARRAY<{_parameter_type(kind.arrayType)}>"
    if kind.type == "RANGE":
        return f"RANGE<{_parameter_type(kind.rangeElementType)}>"
    if kind.type == "STRUCT":
        fields = (f"`{part.name}` {_parameter_type(part.type)}" for part in kind.structTypes or [])
        return f"STRUCT<{', '.join(fields)}>"
    return _type(TableFieldSchema(name="x", type=kind.type))
