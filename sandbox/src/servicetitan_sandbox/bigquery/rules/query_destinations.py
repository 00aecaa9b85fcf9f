"""What a query job may write into its destination table.

https://cloud.google.com/bigquery/docs/writing-results and `JobConfigurationQuery` of the REST reference:

- A result that is appended has no other columns than the table, and each has the type and the mode of the table's:
  nothing is converted ("Invalid schema update. Field os_version has changed type from NUMERIC to STRING",
  mozilla/bigquery-etl#1806). Columns that it lacks become NULL. `ALLOW_FIELD_ADDITION` adds columns.
- The columns of a result are never REQUIRED, so a table with such a column takes it only with
  `ALLOW_FIELD_RELAXATION`, which makes all of them NULLABLE: those that the result has, too (the test of Google's own
  sample `client_query_relax_column` counts no REQUIRED column after it). The words of that refusal are those of load
  jobs; that queries are refused alike is our conclusion.
- Two columns of one name are refused, and so is a destination of DML, DDL or a script.
- A finished job with `CREATE TABLE ... AS SELECT` names the new table as its destination, though nobody gave it one
  (seen in minodisk/bigquery-runner#4; dbt-bigquery relies on it to count the rows). It returns no rows.

Here `ALLOW_FIELD_ADDITION` adds no field to a STRUCT: that is refused, because the emulator would lose it.
"""

from __future__ import annotations

import functools
from collections import Counter
from typing import TYPE_CHECKING, Any

from local_bigquery.api import jobs as jobs_api
from local_bigquery.catalog import datasets, tables
from local_bigquery.engine.database import quote
from local_bigquery.errors import BigQueryError
from local_bigquery.jobs import query
from local_bigquery.models import JobConfigurationQuery
from sqlglot import exp

from servicetitan_sandbox.bigquery.rules.statements import fields_of_result
from servicetitan_sandbox.bigquery.transactions import transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from local_bigquery.models import Job

    Field = dict[str, Any]

_ADDITION, _RELAXATION = "ALLOW_FIELD_ADDITION", "ALLOW_FIELD_RELAXATION"
_LEGACY = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "STRUCT": "RECORD", "BIGDECIMAL": "BIGNUMERIC"}
_NEW_TABLE = "CREATE_TABLE_AS_SELECT"
_DML = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.TruncateTable)


def install() -> None:
    """Check what is written, and what has a destination at all."""
    tables.write = _with_checked_result(tables.write)
    query._statement = _with_checked_kind(query._statement)  # noqa: SLF001 - there is no other way in
    query._execute = _name_new_table(_refuse_scripts(query._execute))  # noqa: SLF001
    jobs_api.results = _without_new_rows(jobs_api.results)


def _with_checked_kind(run: Callable[..., Any]) -> Callable[..., Any]:
    # The parameters are those of the emulator's own function.
    @functools.wraps(run)
    def run_checked(cur, tree, context, destination, config, dry_run, isolated):  # type: ignore[no-untyped-def] # noqa: ANN001,ANN202,PLR0913,PLR0917
        if _has_destination(config) and not isinstance(tree, exp.Query):
            kind = "DML" if isinstance(tree, _DML) else "DDL"
            raise BigQueryError("invalidQuery", f"Cannot set destination table in jobs with {kind} statements")
        return run(cur, tree, context, destination, config, dry_run, isolated)

    return run_checked


def _refuse_scripts(execute: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(execute)
    def execute_checked(*args: Any) -> Any:  # noqa: ANN401 - the emulator's
        _, _, _, config, _, _, _, statements = args
        if _has_destination(config) and query.script.is_script([each for each in statements if each.kind == "SQL"]):
            raise BigQueryError("invalid", "configuration.query.destinationTable cannot be set for scripts")
        return execute(*args)

    return execute_checked


def _name_new_table(execute: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(execute)
    def execute_and_name(*args: Any) -> Any:  # noqa: ANN401 - the emulator's
        statistics, children, result = execute(*args)
        return statistics, children, statistics.ddlTargetTable if statistics.statementType == _NEW_TABLE else result

    return execute_and_name


def _without_new_rows(results: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(results)
    def results_of_queries(job: Job, *args: Any) -> Any:  # noqa: ANN401 - the emulator's
        query_statistics = job.statistics and job.statistics.query
        if query_statistics and query_statistics.statementType == _NEW_TABLE:
            plain = job.configuration.query.replace(destinationTable=None)
            job = job.replace(configuration=job.configuration.replace(query=plain))
        return results(job, *args)

    return results_of_queries


def _has_destination(config: JobConfigurationQuery) -> bool:
    return config.destinationTable is not None and config.destinationTable.datasetId != tables.RESULTS


def _with_checked_result(write: Callable[..., bool]) -> Callable[..., bool]:
    @functools.wraps(write)
    def write_checked(cursor: Any, sql: str, params: Any, table: Any, *rest: Any, **options: Any) -> bool:  # noqa: ANN401 - the emulator's
        config = rest[0]

        def write_all() -> bool:
            return write(cursor, sql, params, table, *rest, **options)

        if not isinstance(config, JobConfigurationQuery) or table[1] == tables.RESULTS:
            return write_all()
        datasets.get(*table[:2])
        if config.writeDisposition != "WRITE_APPEND" or not tables.exists(*table) or options.get("isolated"):
            return write_all()
        with transaction(cursor):
            for name in _columns_to_relax(table, config):
                cursor.execute(f"ALTER TABLE {tables.name(*table)} ALTER COLUMN {quote(name)} DROP NOT NULL")
            return write_all()

    return write_checked


def _columns_to_relax(reference: Sequence[str], config: JobConfigurationQuery) -> list[str]:
    """Return the columns that an append makes NULLABLE, after checking that it fits.

    Raises:
        BigQueryError: If it does not.
    """
    result = fields_of_result()
    if result is None:
        return []
    present = [field.dump() for field in tables.fields(tables.load(*reference))]
    allowed = set(config.schemaUpdateOptions or [])
    _refuse_same_names(result)
    _check_fields("", present, result, allowed)
    required = [field["name"] for field in present if field.get("mode") == "REQUIRED"]
    return required if _RELAXATION in allowed else []


def _refuse_same_names(result: Iterable[Field]) -> None:
    counts = Counter(field["name"].casefold() for field in result)
    several = [name for name, count in counts.items() if count > 1]
    if several:
        raise BigQueryError(
            "invalidQuery",
            "Duplicate column names in the result are not supported when a destination table is present. "
            f"Found duplicate(s): {', '.join(several)}",
        )


def _check_fields(path: str, present: Iterable[Field], result: Iterable[Field], allowed: Collection[str]) -> None:
    known = {field["name"].casefold(): field for field in present}
    found = {field["name"].casefold(): field for field in result}
    for key, field in found.items():
        if key in known:
            _check_field(path + known[key]["name"], known[key], field, allowed)
        elif _ADDITION not in allowed or path:
            raise _invalid(f"Cannot add fields (field: {path}{field['name']})")
    for key, field in known.items():
        if key not in found and field.get("mode") == "REQUIRED" and _RELAXATION not in allowed:
            raise _invalid(f"Field {path}{field['name']} is missing in new schema")


def _check_field(path: str, present: Field, result: Field, allowed: Collection[str]) -> None:
    before, after = _type(present), _type(result)
    if before != after:
        raise _invalid(f"Field {path} has changed type from {before} to {after}")
    before, after = present.get("mode") or "NULLABLE", result["mode"]
    if before != after and not (before == "REQUIRED" and after == "NULLABLE" and _RELAXATION in allowed):
        raise _invalid(f"Field {path} has changed mode from {before} to {after}")
    _check_fields(f"{path}.", present.get("fields") or (), result.get("fields") or (), allowed)


def _type(field: Field) -> str:
    word = str(field["type"]).upper()
    return _LEGACY.get(word, word)


def _invalid(why: str) -> BigQueryError:
    return BigQueryError("invalid", f"Invalid schema update. {why}")
