"""What all streams of one run share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tap_servicetitan.replication.saved_state import identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_servicetitan.api.client import ApiClient
    from tap_servicetitan.api.pages import Page
    from tap_servicetitan.concurrency.turns import Turns
    from tap_servicetitan.output.writer import MessageWriter
    from tap_servicetitan.settings import Settings
    from tap_servicetitan.specs.spec import StreamSpec
    from tap_servicetitan.transform.shaper import Shaper


@dataclass(frozen=True)
class StreamContext:
    """The parts of the tap that its streams use."""

    settings: Settings
    """The settings of the run."""

    connect: Callable[[], ApiClient]
    """Makes the client. Discovery needs none, and may lack the settings for it."""

    writer: MessageWriter
    """Writes to stdout."""

    turns: Turns
    """Shares the time between the streams."""

    messages: Callable[[str, Page, int | None], Iterator[bytes]]
    """Makes the messages for a page of a stream, RECORD or BATCH: name of the stream, page, version."""

    shaper_for: Callable[[StreamSpec, dict[str, Any]], Shaper]
    """Makes the shaper of a stream's records from its spec and its schema."""

    @property
    def identity(self) -> Mapping[str, str]:
        """Whose data the streams read. Each bookmark says it, so that no other tenant's is ever used."""
        return identity(self.settings)

    @cached_property
    def client(self) -> ApiClient:
        """The API of the tenant."""
        return self.connect()
