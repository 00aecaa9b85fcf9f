"""A target whose settings choose how it ends."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from singer_sdk import Target
from singer_sdk import typing as th
from singer_sdk.sinks import BatchSink

from tap_servicetitan.plugin_runtime.command import run
from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.plugin_runtime.errors import PluginError
from tap_servicetitan.plugin_runtime.settings import CheckedSettings

if TYPE_CHECKING:
    from collections.abc import Callable


class ExampleSink(BatchSink):
    """Never gets a record."""

    @override
    def process_batch(self, context: dict[str, Any]) -> None:
        raise NotImplementedError


def plugin_error(secret: str) -> None:
    """Fail with an error that the operator can act on."""
    raise PluginError(f"jobs: something\n{secret} is wrong.  Do this.")


def reported_error(secret: str) -> None:
    """Fail with an error that was logged when it happened."""
    error = PluginError(f"said before {secret}")
    error.reported = True
    raise error


def unexpected_error(secret: str) -> None:
    """Fail with an unexpected error."""
    raise ValueError(secret + "\n")


def broken_pipe(_: str) -> None:
    """Fail because the reader of the output has stopped."""
    raise BrokenPipeError


def terminated(_: str) -> None:
    """Be stopped by a signal."""
    os.kill(os.getpid(), signal.SIGTERM)
    signal.pause()


ENDINGS: dict[str, Callable[[str], object]] = {
    "success": str,
    "plugin_error": plugin_error,
    "reported_error": reported_error,
    "unexpected_error": unexpected_error,
    "broken_pipe": broken_pipe,
    "signal": terminated,
}


class ExampleTarget(CheckedSettings, Target):
    """Reads no records and ends as its settings say."""

    name = "example-target"
    default_sink_class = ExampleSink
    config_jsonschema = th.PropertiesList(
        th.Property("password", th.StringType, secret=True),
        th.Property("ends_with", th.StringType(allowed_values=list(ENDINGS)), required=True),
    ).to_dict()

    @override
    def process_endofpipe(self) -> None:
        ENDINGS[self.config["ends_with"]](self.config["password"])


if __name__ == "__main__":
    sys.exit(run(ExampleTarget))
