"""Tables and partitions get the default lifetimes of their dataset, and a table that has expired cannot be created.

The rules are those of `Dataset` and `Table` in https://cloud.google.com/bigquery/docs/reference/rest. That a table is
not found when it is created with a time in the past is seen in googleapis/google-cloud-java#2274. The rows of an
expired partition stay here: only its lifetime is kept.

A project without billing gives every dataset 60 days
(https://cloud.google.com/bigquery/docs/sandbox#limits).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local_bigquery.catalog import datasets, ddl, metadata, names, options, tables
from local_bigquery.errors import BigQueryError, not_found
from local_bigquery.models import Dataset, Table
from sqlglot import exp

from servicetitan_sandbox.bigquery.conditions import conditions_of
from servicetitan_sandbox.bigquery.rules.reasons import BILLING_NOT_ENABLED

if TYPE_CHECKING:
    from collections.abc import Callable

DAY_MS = 86_400_000
_LEAST_MS = 3_600_000
_FREE_MS = 60 * DAY_MS
_TABLES, _PARTITIONS = "defaultTableExpirationMs", "defaultPartitionExpirationMs"
_ENABLE = (
    "Billing has not been enabled for this project. Enable billing at https://console.cloud.google.com/billing. "
    "The expiration time must be less than 60 days while billing is not enabled."
)


def install() -> None:
    """Add the rules to the emulator."""
    tables.defaults = _without_expiration(tables.defaults)
    tables.record = _inherit_when_new(tables.record)
    tables.write = _record_new(tables.write)
    tables.create = _refuse_past(tables.create)
    tables.update = _keep_free_tables_short(tables.update)
    ddl.apply = _forget_replaced(ddl.apply)
    datasets.get = _show_free_lifetimes(datasets.get)
    datasets.create = _check_created(datasets.create)
    datasets.update = _check_updated(datasets.update)
    options.DATASET_OPTIONS.update(_dataset_options())


def _dataset_options() -> dict[str, options.Option]:
    """Return the options of CREATE SCHEMA and ALTER SCHEMA that the emulator lacks. NULL removes a lifetime."""

    def milliseconds(node: exp.Expression, evaluate: options.Evaluate) -> str | None:
        return None if isinstance(node, exp.Null) else str(int(float(str(evaluate(node))) * DAY_MS))

    def render(value: str) -> str:
        return str(int(value) / DAY_MS)

    return {
        "default_table_expiration_days": options.Option(_TABLES, "FLOAT64", milliseconds, render),
        "default_partition_expiration_days": options.Option(_PARTITIONS, "FLOAT64", milliseconds, render),
        "max_time_travel_hours": options.Option(
            "maxTimeTravelHours", "INT64", lambda node, evaluate: str(evaluate(node)), str
        ),
        "default_collation": options.Option("defaultCollation"),
    }


def _without_expiration(defaults: Callable[..., Table]) -> Callable[..., Table]:
    """Wrap `defaults`, which the emulator also reads of tables that exist: their lifetime began long ago."""

    def defaults_without_expiration(*reference: str) -> Table:
        return defaults(*reference).without("expirationTime")

    return defaults_without_expiration


def _inherit_when_new(record: Callable[..., None]) -> Callable[..., None]:
    def record_with_lifetimes(project: str, dataset: str, table: str, resource: Table) -> None:
        if dataset != tables.RESULTS and metadata.load(Table, project, dataset, table) is None:
            resource = _inherit(datasets.get(project, dataset), resource)
        record(project, dataset, table, resource)

    return record_with_lifetimes


def _inherit(dataset: Dataset, table: Table) -> Table:
    """Return a new table with the default lifetimes of its dataset, where it has none of its own."""
    values = dataset.dump()
    partitioning = table.timePartitioning
    if partitioning and values.get(_PARTITIONS):
        return table.replace(timePartitioning={"expirationMs": values[_PARTITIONS], **partitioning.dump()})
    if values.get(_TABLES) and not table.expirationTime:
        return table.replace(expirationTime=str(int(metadata.now()) + int(values[_TABLES])))
    return table


def _record_new(write: Callable[..., bool]) -> Callable[..., bool]:
    """Wrap `write`, which creates the tables of load and query jobs, and records them only if they have a layout."""

    # The parameters are those of the emulator's own function.
    def write_and_record(cur, sql, params, reference, *args, **options):  # type: ignore[no-untyped-def] # noqa: ANN001,ANN002,ANN003,ANN202
        is_new = write(cur, sql, params, reference, *args, **options)
        project, dataset, table = reference
        if is_new and dataset != tables.RESULTS and metadata.load(Table, project, dataset, table) is None:
            tables.record(project, dataset, table, tables.defaults(project, dataset, table))
        return is_new

    return write_and_record


def _refuse_past(create: Callable[..., Table]) -> Callable[..., Table]:
    def create_in_future(project: str, dataset: str, body: Table, translate: object) -> Table:
        if tables.expired(body):
            table = (body.tableReference and body.tableReference.tableId) or ""
            raise not_found("Table", names.label(project, dataset, table))
        return create(project, dataset, body, translate)

    return create_in_future


def _keep_free_tables_short(update: Callable[..., Table]) -> Callable[..., Table]:
    def update_within_limits(project: str, dataset: str, table: str, body: Table, *rest: object) -> Table:
        given = body.given()
        if "expirationTime" in given and _is_free(project):
            created = int(tables.load(project, dataset, table).creationTime)
            if not given["expirationTime"] or int(given["expirationTime"]) > created + _FREE_MS:
                raise BigQueryError(BILLING_NOT_ENABLED, _ENABLE)
        return update(project, dataset, table, body, *rest)

    return update_within_limits


def _forget_replaced(apply: Callable[..., None]) -> Callable[..., None]:
    """Wrap `apply`, so that a table that a statement creates anew gets the lifetimes of a new table."""

    def apply_anew(tree: exp.Expression, project: str, dataset: str, evaluate: object) -> None:
        target = tree.find(exp.Table)
        is_table = (tree.args.get("kind") or "").upper() in {"TABLE", "VIEW"}
        if isinstance(tree, exp.Create) and is_table and target is not None and not tree.find(exp.TemporaryProperty):
            tables.forget(*names.reference(target, project, dataset))
        apply(tree, project, dataset, evaluate)

    return apply_anew


def _is_free(project: str) -> bool:
    return not conditions_of(project).billing


def _show_free_lifetimes(get: Callable[[str, str], Dataset]) -> Callable[[str, str], Dataset]:
    def get_with_lifetimes(project: str, dataset: str) -> Dataset:
        found = get(project, dataset)
        if not _is_free(project):
            return found
        return found.replace(
            **{key: str(min(int(found.dump().get(key) or _FREE_MS), _FREE_MS)) for key in (_TABLES, _PARTITIONS)}
        )

    return get_with_lifetimes


def _check_created(create: Callable[..., Dataset]) -> Callable[..., Dataset]:
    def create_checked(project: str, body: Dataset) -> Dataset:
        created = create(project, _checked(project, body))
        return datasets.get(project, created.datasetReference.datasetId)

    return create_checked


def _check_updated(update: Callable[..., Dataset]) -> Callable[..., Dataset]:
    def update_checked(project: str, dataset: str, body: Dataset, *rest: object, **options: object) -> Dataset:
        update(project, dataset, _checked(project, body), *rest, **options)
        return datasets.get(project, dataset)

    return update_checked


def _checked(project: str, body: Dataset) -> Dataset:
    """Return what was sent about a dataset, with None for a lifetime that is to be removed.

    Raises:
        BigQueryError: If a lifetime is too short, or the project has no billing and would keep tables longer.
    """
    given = body.given()
    for key in (_TABLES, _PARTITIONS):
        if key not in given:
            continue
        lifetime = int(given[key] or 0)
        if 0 < lifetime < _LEAST_MS:
            raise BigQueryError("invalid", f"Invalid value for {key}: the minimum is {_LEAST_MS}")
        if _is_free(project) and not 0 < lifetime <= _FREE_MS:
            raise BigQueryError(BILLING_NOT_ENABLED, _ENABLE)
        given[key] = str(lifetime) if lifetime else None
    return Dataset.model_validate(given)
