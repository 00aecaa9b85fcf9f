"""What a company's process says: lines of Meltano's JSON log, taken apart. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec

from servicetitan_fleet.plugin_runtime.redaction import redact

_STREAM = re.compile(r"^([a-z0-9_]+): ")
_LOGGER_OF_STREAM = re.compile(r"^tap-servicetitan\.(\w+)$")
_LEVELS = {"debug": "DEBUG", "info": "INFO", "warning": "WARNING", "error": "ERROR", "critical": "CRITICAL"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line of a company's log, with no secret in it.

    Attributes:
        message: What it says.
        severity: How bad it is, in the words of Cloud Logging.
        plugin: Which plugin says it; empty for Meltano itself.
        stream: What stream it is about; empty when it is about none.
        run_id: Meltano's id of the run.
    """

    message: str
    severity: str = "INFO"
    plugin: str = ""
    stream: str = ""
    run_id: str = ""


def parse(line: bytes) -> LogLine | None:
    """Return what a line says, or None for what is not for people: empty lines and the SDK's metrics."""
    text = line.decode("utf-8", "replace").strip()
    if not text:
        return None
    try:
        fields = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return LogLine(message=redact(text))
    if not isinstance(fields, dict) or "event" not in fields:
        return LogLine(message=redact(text))
    return None if "metric_info" in fields else _line(fields)


def _line(fields: dict[str, Any]) -> LogLine:
    message = redact(str(fields["event"]))
    return LogLine(
        message=message,
        severity=_LEVELS.get(str(fields.get("level", "")), "DEFAULT"),
        plugin=str(fields.get("string_id", "")),
        stream=_stream(str(fields.get("plugin_logger", "")), message),
        run_id=str(fields.get("run_id", "")),
    )


def _stream(logger: str, message: str) -> str:
    found = _LOGGER_OF_STREAM.match(logger) or (_STREAM.match(message) if logger else None)
    return found[1] if found else ""


class Errors:
    """Remembers why a run failed: the last error of each plugin, or Meltano's own when no plugin has one."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}

    def add(self, line: LogLine) -> None:
        """Look at a line."""
        if line.severity in ("ERROR", "CRITICAL"):
            self._last[line.plugin] = line.message

    @property
    def reason(self) -> str:
        """The errors in one line; empty when there were none."""
        plugins = [f"{plugin}: {message}" for plugin, message in self._last.items() if plugin]
        return " | ".join(" ".join(one.split()) for one in plugins or self._last.values())
