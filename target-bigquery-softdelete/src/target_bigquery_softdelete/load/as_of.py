"""The function `<table>_as_of`: the live rows of a table as they were at a time, from its history.

It has the columns of the history as they were when it was made, so it is made anew when these change. A label of the
history tells. It is a help for people: where it cannot be made, the history is right all the same, and a warning says
so.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from target_bigquery_softdelete.bigquery.table_descriptions import digest
from target_bigquery_softdelete.errors import WarehouseError
from target_bigquery_softdelete.schema.system_columns import SYNCED
from target_bigquery_softdelete.sql.history import AS_OF_DESCRIPTION, as_of_function

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from google.cloud import bigquery

    from target_bigquery_softdelete.bigquery.warehouse import Warehouse
    from target_bigquery_softdelete.schema.columns import Column
    from target_bigquery_softdelete.sql.identifiers import TableId

AS_OF_LABEL = "as_of_function"
"""Label of a history with a digest of the columns that its function shows."""

logger = logging.getLogger(__name__)


class AsOfFunction:
    """The function of one history."""

    def __init__(self, warehouse: Warehouse, history_id: TableId, name: str) -> None:
        self._warehouse = warehouse
        self._history_id = history_id
        self.function_id = warehouse.table_id(name)
        """Its name. Functions and tables do not share their names."""

    def refresh(self, history: bigquery.Table, columns: Sequence[Column], run: Callable[[str, str], object]) -> None:
        """Make the function, or make it anew, if the columns of the history have changed.

        Args:
            history: The history, as it was read or created.
            columns: The columns that it keeps, without those of this target.
            run: Runs a statement that has a name.
        """
        label = {AS_OF_LABEL: digest([(column.name, column.sql_type) for column in columns])}
        if label.items() <= history.labels.items():
            return
        names = [*(column.name for column in columns), SYNCED]
        try:
            description = self._warehouse.read_routine_description(self.function_id)
            if description not in {None, AS_OF_DESCRIPTION}:
                logger.warning("`%s` is not a function that this target wrote, so it stays.", self.function_id)
            else:
                run(as_of_function(self.function_id, self._history_id, names), "as-of")
            self._warehouse.label_table(self._history_id, {**history.labels, **label})
        except WarehouseError as error:
            logger.warning("%s. The history is right all the same.", error)
