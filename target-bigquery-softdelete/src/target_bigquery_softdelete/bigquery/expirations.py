"""Keeps what a run writes from vanishing by itself, as the setting `on_expiration` says."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from target_bigquery_softdelete.bigquery.calls import call
from target_bigquery_softdelete.bigquery.lifetimes import (
    dataset_problem,
    may_lack_billing,
    table_problem,
    without_lifetimes,
)
from target_bigquery_softdelete.errors import ExpiringError
from target_bigquery_softdelete.plugin_runtime.datasets import FREE_DAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from google.cloud import bigquery
    from google.cloud.bigquery.table import TableListItem

    from target_bigquery_softdelete.config.settings import Settings
    from target_bigquery_softdelete.sql.identifiers import TableId

logger = logging.getLogger(__name__)


class Expirations:
    """The expirations of the datasets and tables of one run."""

    def __init__(self, client: bigquery.Client, settings: Settings, options: dict[str, Any]) -> None:
        """Begin without knowing any.

        Args:
            client: The BigQuery client.
            settings: The settings of the run.
            options: Retry and timeout of each call.
        """
        self._client = client
        self._settings = settings
        self._options = options
        self._brief: set[str] = set()
        """Full names of the datasets that let new tables expire."""

    @property
    def _clears(self) -> bool:
        return self._settings.on_expiration == "clear"

    def check_datasets(self, datasets: Sequence[bigquery.Dataset]) -> None:
        """Check that what is written into datasets stays there.

        Raises:
            ExpiringError: If it would expire, and the settings do not say what to do.
        """
        found = {str(dataset.reference): problem for dataset in datasets if (problem := dataset_problem(dataset))}
        if found and self._settings.on_expiration == "refuse":
            raise ExpiringError(next(iter(found.values())))
        if free := next((dataset for dataset in datasets if may_lack_billing(dataset)), None):
            logger.warning(
                "The dataset `%s` lets every new table expire after %d days, as in a project without billing. "
                "Without billing BigQuery fills new tables and changes no row, so a later run with changes fails. "
                "Link the project to a billing account.",
                free.reference,
                FREE_DAYS,
            )
        self._brief = set(found)

    def check_table(self, stream: str, table: bigquery.Table | TableListItem | None) -> None:
        """Check that the table of a stream, if there is one, does not expire. Or let it stay.

        Raises:
            ExpiringError: If it does, and the settings do not say what to do.
            WarehouseError: If BigQuery refuses to let it stay.
        """
        problem = table and table_problem(table)
        if table is None or not problem:
            return
        if self._settings.on_expiration == "refuse":
            raise ExpiringError(f"{stream}: {problem}")
        if not self._settings.dry_run:
            self.clear(table)

    def clear(self, table: bigquery.Table | TableListItem) -> None:
        """Let a table stay that would expire, if the settings say so.

        Raises:
            WarehouseError: If BigQuery refuses.
        """
        if not self._clears or not table_problem(table):
            return
        kept, fields = without_lifetimes(table)
        call(
            f"cannot take the expiration from the table `{kept.reference}`",
            lambda: self._client.update_table(kept, fields, **self._options),
        )
        logger.info("`%s` does not expire any more", kept.reference)

    def clear_view(self, view_id: TableId, read: Callable[[TableId], bigquery.Table | None]) -> None:
        """Let a view stay that a statement has created, where its dataset lets it expire and the settings say so.

        Args:
            view_id: The view.
            read: Reads it.

        Raises:
            WarehouseError: If BigQuery refuses.
        """
        if self._clears and f"{view_id.project}.{view_id.dataset}" in self._brief and (view := read(view_id)):
            self.clear(view)
