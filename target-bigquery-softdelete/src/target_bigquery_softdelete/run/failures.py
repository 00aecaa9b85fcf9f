"""Errors that belong to no stream."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from target_bigquery_softdelete.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)


class RunFailures:
    """What failed in a run without harm to the rows. The run goes on, and ends with an error."""

    def __init__(self) -> None:
        self.errors: list[PluginError] = []

    def attempt(self, step: Callable[[], None]) -> bool:
        """Run a step and return whether it succeeded. An error is logged and kept."""
        try:
            step()
        except PluginError as error:
            logger.error("%s", error)  # noqa: TRY400 - one line
            error.reported = True
            self.errors.append(error)
            return False
        return True
