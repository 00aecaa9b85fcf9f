"""A target that drops all records, to measure the cost of the SDK. The setting `validate_records` is the SDK's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, override

from singer_sdk import Target
from singer_sdk.sinks import BatchSink

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Context


class NullSink(BatchSink):
    """Drops all records."""

    @override
    def process_batch(self, context: Context | dict[str, Any]) -> None:
        pass


class NullTarget(Target):
    """Drops all records."""

    name = "null-target"
    default_sink_class = NullSink


if __name__ == "__main__":
    NullTarget.cli()
