"""The costs of a stream's statements. The local BigQuery bills nothing, so the figures are made up."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from google.cloud import bigquery

from target_bigquery_softdelete.audit.earlier_marks import EarlierRuns
from target_bigquery_softdelete.bigquery.lease import Lease
from target_bigquery_softdelete.bigquery.server_clock import ServerClock
from target_bigquery_softdelete.bigquery.statements import StatementResult
from target_bigquery_softdelete.bigquery.tenancy import Tenancy
from target_bigquery_softdelete.config.options import DeleteLimits
from target_bigquery_softdelete.load.delete_guard import DeleteGuard
from target_bigquery_softdelete.load.merge import mark_all_deleted
from target_bigquery_softdelete.load.prepare_table import prepare_existing_table
from target_bigquery_softdelete.load.statement_runner import StatementRunner
from target_bigquery_softdelete.load.stream_table import StreamTable
from target_bigquery_softdelete.sql.identifiers import TableId

if TYPE_CHECKING:
    from target_bigquery_softdelete.bigquery.warehouse import Warehouse

JOBS = TableId("co-1", "bronze", "jobs")


class Billing:
    """A warehouse in which every statement costs the same."""

    def read_known_table(self, table_id: TableId) -> bigquery.Table:
        """Return a table."""
        return bigquery.Table(str(table_id))

    @property
    def statements(self) -> Billing:
        """Itself, since it runs them."""
        return self

    def run(self, *_: object, **__: object) -> StatementResult:
        """Run a statement."""
        return StatementResult([{"live": 3}], bytes_billed=10 << 20, slot_ms=7)


def test_the_costs_of_all_statements_are_added_up() -> None:
    warehouse = cast("Warehouse", Billing())
    clock = ServerClock()
    client = cast("bigquery.Client", None)
    lease = Lease(client, JOBS, "run", "allow", clock=clock, tenancy=Tenancy(None), prepare=lambda: None)
    statements = StatementRunner(warehouse, "jobs", JOBS, lease=lease, clock=clock)
    guard = DeleteGuard("jobs", DeleteLimits(1, 100, lifted=True))
    earlier = EarlierRuns(warehouse, days=0, clock=clock, log_columns=lambda: None)
    target = StreamTable("jobs", JOBS, warehouse, statements, guard, earlier)

    prepared = prepare_existing_table(target)

    assert prepared is not None
    assert mark_all_deleted(target, prepared, ()).deleted == 3
    assert (statements.bytes_billed, statements.slot_ms) == (20 << 20, 14)
