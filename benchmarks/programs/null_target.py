"""A target that keeps nothing: what the SDK itself takes. The setting `validate_records` is the SDK's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, override

from singer_sdk import Target
from singer_sdk.sinks import BatchSink

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Context


class NullSink(BatchSink):
    """Drops what it gets."""

    @override
    def process_batch(self, context: Context | dict[str, Any]) -> None:
        pass


class NullTarget(Target):
    """Drops what it gets."""

    name = "null-target"
    default_sink_class = NullSink


if __name__ == "__main__":
    NullTarget.cli()
