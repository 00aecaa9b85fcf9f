"""Saves the states that the target lets out, where Meltano keeps them, as Meltano's `BookmarkWriter` does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import structlog
from meltano.core.state_store import MeltanoState

from servicetitan_fleet.meltano.saved_state import NOT_SAVED, SAVED
from servicetitan_fleet.plugin_runtime.clock import utc_now

if TYPE_CHECKING:
    from meltano.core.state_service import StateService

logger = structlog.get_logger(__name__)

_SINGER_STATE = "singer_state"
"""Where the state is in what Meltano keeps."""


class StateKeeper:
    """Saves the states of one run."""

    def __init__(self, service: StateService, state_id: str, *, is_merged: bool) -> None:
        """Prepare to save.

        Args:
            service: Knows where.
            state_id: Whose state it is.
            is_merged: Whether a state is merged into the one that was saved before, instead of taking its place.
        """
        self._service = service
        self._state_id = state_id
        self._is_merged = is_merged
        self._is_stopped = False

    def stop(self) -> None:
        """Save no more: another run may save its own."""
        self._is_stopped = True

    def save(self, line: str) -> None:
        """Save a state, and log whether that succeeded.

        Args:
            line: The state as JSON, a line of the target's output.
        """
        if self._is_stopped:
            return
        try:
            state = json.loads(line)
        except ValueError:
            logger.warning("Received state is invalid, incremental state has not been updated")
            return
        if not state:  # it would take the place of the one that was saved before
            logger.warning("Received empty state, incremental state has not been updated")
            return
        try:
            self._service.state_store_manager.update(self._to_meltano({_SINGER_STATE: state}))
        except Exception:
            logger.exception("%s to the configured backend", NOT_SAVED[0])
        else:
            logger.info("%s at %s.", SAVED, utc_now())

    def _to_meltano(self, payload: dict[str, object]) -> MeltanoState:
        if self._is_merged:
            return MeltanoState(self._state_id, partial_state=payload, completed_state={})
        return MeltanoState(self._state_id, partial_state={}, completed_state=payload)
