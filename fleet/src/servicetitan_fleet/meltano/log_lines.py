"""Parses the lines of Meltano's JSON log. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Any

import msgspec

from servicetitan_fleet.plugin_runtime.redaction import to_line, to_lines

LONGEST_LINE = 1 << 20
"""Bytes of a line that are read. A line that has as many may have been longer."""

LONGEST_BEGINNING = 1 << 18
"""Characters of such a line that are kept."""

LONGEST_SECRET = 1 << 19
"""Characters of the longest secret in any form. Linux lets no variable have more than 128 KiB."""

CUT = " ... (the line is longer than 1 MiB)"

_STREAM = re.compile(r"^([a-z0-9_]+): ")
_LOGGER_OF_STREAM = re.compile(r"^tap-servicetitan\.(\w+)$")
_LEVELS = {"debug": "DEBUG", "info": "INFO", "warning": "WARNING", "error": "ERROR", "critical": "CRITICAL"}


class Source(Enum):
    """Who wrote a line, and how."""

    MELTANO = "Meltano, or a program that it calls"
    DISCOVERY = "a plugin's log, while Meltano discovers its streams"
    PLUGIN = "a plugin's log, while it runs"
    PLAIN = "a plugin, past its log: a traceback, for example"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line of a company's log, with secrets masked and control characters escaped.

    Attributes:
        message: The text.
        severity: A severity of Cloud Logging.
        plugin: The plugin that wrote it; empty for Meltano itself.
        stream: The stream it is about; empty if it is about none.
        run_id: Meltano's id of the run.
        source: Who wrote it, and how.
    """

    message: str
    severity: str = "INFO"
    plugin: str = ""
    stream: str = ""
    run_id: str = ""
    source: Source = Source.MELTANO


def parse_line(line: bytes) -> LogLine | None:
    """Parse a line; return None for empty lines and the SDK's metrics."""
    if len(line) >= LONGEST_LINE:
        return LogLine(message=_beginning(line))
    text = line.decode("utf-8", "replace").strip()
    if not text:
        return None
    try:
        fields = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return LogLine(message=to_line(text))
    if not isinstance(fields, dict) or "event" not in fields:
        return LogLine(message=to_line(text))
    return None if "metric_info" in fields else _to_log_line(fields)


def _beginning(line: bytes) -> str:
    """Return the beginning of a line that was cut."""
    # The cut may have left a part of a secret at the end, which nothing recognizes.
    text = to_line(line.decode("utf-8", "replace"))
    return text[: max(0, min(LONGEST_BEGINNING, len(text) - LONGEST_SECRET))] + CUT


def _to_log_line(fields: dict[str, Any]) -> LogLine:
    message = to_lines(str(fields["event"]))
    return LogLine(
        message=message,
        severity=_LEVELS.get(str(fields.get("level", "")), "DEFAULT"),
        plugin=to_line(_find_plugin(fields)),
        stream=_find_stream(str(fields.get("plugin_logger", "")), message),
        run_id=to_line(str(fields.get("run_id", ""))),
        source=_find_source(fields),
    )


def _find_plugin(fields: dict[str, Any]) -> str:
    """Return the plugin that wrote a line. In discovery Meltano gives no `string_id`, only the plugin's `name`."""
    return str(fields.get("string_id") or (fields.get("name", "") if "stdio" in fields else ""))


def _find_source(fields: dict[str, Any]) -> Source:
    if not _find_plugin(fields):
        return Source.MELTANO
    if fields.get("type") == "discovery":
        return Source.DISCOVERY
    return Source.PLUGIN if fields.get("plugin_logger") else Source.PLAIN


def _find_stream(logger: str, message: str) -> str:
    found = _LOGGER_OF_STREAM.match(logger) or (_STREAM.match(message) if logger else None)
    return found[1] if found else ""
