"""The view `<log_dataset>.freshness`: one row a stream, with its last run and the last one that was complete."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from target_bigquery_softdelete.sql import tables as sql

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_bigquery_softdelete.bigquery.warehouse import Warehouse

FRESHNESS_VIEW = "freshness"

logger = logging.getLogger(__name__)


def ensure_view(warehouse: Warehouse, log_table: str, labels: Mapping[str, str] | None) -> None:
    """Create the view, or bring it up to date if an earlier version wrote it.

    Args:
        warehouse: Where it is.
        log_table: Name of the audit log, which has the columns of this version.
        labels: The labels of the view; None if there is none. They save to read it.

    Raises:
        WarehouseError: If BigQuery refuses.
    """
    view_id = warehouse.log_id(FRESHNESS_VIEW)
    if labels and labels.items() >= sql.FRESHNESS_LABELS.items():
        return
    found = warehouse.read_table(view_id) if labels is not None else None
    if found is not None and not (found.description or "").startswith(sql.FRESHNESS_DESCRIPTION):
        logger.warning("`%s` is not a view that this target wrote, so there is no view of the freshness.", view_id)
    elif found is None or found.description != sql.FRESHNESS_VERSION:
        warehouse.statements.run(sql.freshness_view(view_id, warehouse.log_id(log_table)), "freshness-view")
        warehouse.keep_view(view_id)
