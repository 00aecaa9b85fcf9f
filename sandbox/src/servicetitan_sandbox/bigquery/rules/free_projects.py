"""A project without billing refuses statements that change rows, and streaming. It loads and reads.

https://cloud.google.com/bigquery/docs/sandbox#limits. Whether the service refuses such a statement in a dry run, too,
is not known; here it does not, so that nothing may rely on it. That its tables expire is in `expirations`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local_bigquery.catalog import tabledata
from local_bigquery.errors import BigQueryError
from local_bigquery.jobs import query
from sqlglot import exp

from servicetitan_sandbox.bigquery.conditions import conditions_of
from servicetitan_sandbox.bigquery.rules.reasons import BILLING_NOT_ENABLED

if TYPE_CHECKING:
    from collections.abc import Callable

_ENABLE = "Billing has not been enabled for this project. Enable billing at https://console.cloud.google.com/billing."
_DML = f"{_ENABLE} DML queries are not allowed in the free tier. Set up a billing account to remove this restriction."
_STREAMING = f"{_ENABLE} Streaming insert is not allowed in the free tier."
_CHANGES_ROWS = (exp.Insert, exp.Update, exp.Delete, exp.Merge)


def install() -> None:
    """Add the rules to the emulator."""
    query._statement = _refuse_dml(query._statement)  # noqa: SLF001 - there is no other way in
    tabledata.insert_all = _refuse_streaming(tabledata.insert_all)


def _refuse_dml(run: Callable[..., object]) -> Callable[..., object]:
    # The parameters are those of the emulator's own function.
    def run_unless_free(cur, tree, context, destination, config, dry_run, isolated):  # type: ignore[no-untyped-def] # noqa: ANN001,ANN202,PLR0913,PLR0917
        if isinstance(tree, _CHANGES_ROWS) and not dry_run and not conditions_of(context.project_id).billing:
            raise BigQueryError(BILLING_NOT_ENABLED, _DML)
        return run(cur, tree, context, destination, config, dry_run, isolated)

    return run_unless_free


def _refuse_streaming(insert: Callable[..., object]) -> Callable[..., object]:
    def insert_unless_free(project: str, *rest: object) -> object:
        if not conditions_of(project).billing:
            raise BigQueryError(BILLING_NOT_ENABLED, _STREAMING)
        return insert(project, *rest)

    return insert_unless_free
