"""The table that a stream is merged into, with its history, its live view and, in a dry run, its clone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from target_bigquery_softdelete.load.adoption import Adoption
from target_bigquery_softdelete.load.as_of import AsOfFunction
from target_bigquery_softdelete.load.delete_guard import DeleteGuard
from target_bigquery_softdelete.load.dry_run import DryRunClone
from target_bigquery_softdelete.load.history import History
from target_bigquery_softdelete.load.live_view import LiveView
from target_bigquery_softdelete.load.statement_runner import StatementRunner
from target_bigquery_softdelete.schema.naming import as_of_name, history_name, live_name, table_name

if TYPE_CHECKING:
    from target_bigquery_softdelete.audit.earlier_marks import EarlierRuns
    from target_bigquery_softdelete.bigquery.warehouse import Warehouse
    from target_bigquery_softdelete.context import Run
    from target_bigquery_softdelete.sql.identifiers import TableId


@dataclass(frozen=True)
class StreamTable:
    """Where the rows of one stream go. It is the same for the whole run."""

    stream: str
    table_id: TableId
    """The table to write into: in a dry run, the clone."""
    warehouse: Warehouse
    statements: StatementRunner
    guard: DeleteGuard
    earlier_runs: EarlierRuns
    history: History | None = None
    live_view: LiveView | None = None
    clone: DryRunClone | None = None
    adoption: Adoption = field(default_factory=Adoption)
    name: str = ""
    """Full name of the stream's table, in a dry run too."""
    is_written_alone: bool = True
    """Whether no other run writes into it meanwhile."""

    @property
    def writes_descriptions(self) -> bool:
        """Whether the settings let the stream describe its table and columns."""
        return self.warehouse.settings.descriptions != "off"


def make_stream_table(run: Run, stream: str, *, keyed: bool) -> StreamTable:
    """Return the table of a stream. Nothing is created yet.

    Args:
        run: The run.
        stream: Name of the stream.
        keyed: Whether it has a key.

    Raises:
        PluginError: If the stream is to have a history and cannot have one.
    """
    warehouse, settings = run.warehouse, run.settings
    table_id = warehouse.table_id(table_name(stream))
    clone = history = live_view = None
    if settings.dry_run:
        name = f"{table_id.table}__{run.run_id}_0"  # staging tables count from 1
        clone = DryRunClone(warehouse, table_id, warehouse.staging_id(name))
    if settings.has_history(stream, keyed=keyed):
        history_id = warehouse.table_id(history_name(stream))
        history = History(warehouse, table_id, history_id, AsOfFunction(warehouse, history_id, as_of_name(stream)))
    if settings.has_live_views:
        live_view = LiveView(warehouse, table_id, warehouse.table_id(live_name(stream)))
    written_id = clone.table_id if clone else table_id
    return StreamTable(
        stream=stream,
        table_id=written_id,
        warehouse=warehouse,
        statements=StatementRunner(warehouse, stream, written_id, lease=run.lease, clock=run.clock),
        guard=DeleteGuard(stream, settings.delete_limits(stream)),
        earlier_runs=run.earlier_runs,
        history=history,
        live_view=live_view,
        clone=clone,
        name=str(table_id),
        is_written_alone=settings.on_concurrent_run != "allow",
    )
