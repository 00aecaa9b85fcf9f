"""Finds out, from the lines of a run's log, why the run failed: the first real cause. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from servicetitan_fleet.meltano.log_lines import Source

if TYPE_CHECKING:
    from servicetitan_fleet.meltano.log_lines import LogLine

_SAYS_NOTHING = frozenset(
    {
        "Block run completed",
        "Extractor failed",
        "Loader failed",
        "Extractor and loader failed",
        "Mappers failed",
    }
)
"""What Meltano logs as an error although it only says that there was one."""

_SUMMARY = re.compile(r"\d+ (of \d+ streams? (failed|is incomplete|are incomplete)|things went wrong)\b")
"""How the plugins sum up, at the end, what they have logged before."""

_OUTPUT_OF_COMMAND = re.compile(r": command \[.*?\] returned (?P<code>-?\d+) with stderr:\s*(?P<output>.*)", re.DOTALL)
"""How Meltano quotes all that a plugin wrote when discovery failed."""


class ErrorCollector:
    """Keeps the first real error of each plugin, and of Meltano itself."""

    def __init__(self) -> None:
        self._errors: dict[Source, dict[str, str]] = {source: {} for source in Source}
        self._summaries: dict[str, str] = {}

    def add(self, line: LogLine) -> None:
        """Keep the line if it tells something about an error."""
        if line.source is Source.PLAIN:
            self._errors[Source.PLAIN][line.plugin] = line.message  # the last line of a traceback names the error
        elif line.source is Source.PLUGIN:
            self._errors[Source.DISCOVERY].pop(line.plugin, None)  # the plugin runs, so that was not the end
        if line.severity in ("ERROR", "CRITICAL") and line.message.strip() not in _SAYS_NOTHING:
            self._add_error(line)

    def _add_error(self, line: LogLine) -> None:
        kept = self._summaries if _SUMMARY.match(line.message) else self._errors[line.source]
        kept.setdefault(line.plugin, line.message)

    @property
    def cause(self) -> str:
        """What the plugins logged as errors, in one line, without summaries; empty if they logged none."""
        return _join({**self._errors[Source.DISCOVERY], **self._errors[Source.PLUGIN]})

    @property
    def reason(self) -> str:
        """The best that is known, in one line: the plugins' errors, or their summaries, or Meltano's own errors."""
        meltano = [_shorten(message) for message in self._errors[Source.MELTANO].values()]
        plain = _join(self._errors[Source.PLAIN])
        return self.cause or _join(self._summaries) or "".join(meltano) or plain


def _join(messages: dict[str, str]) -> str:
    named = {" ".join(message.split()): plugin for plugin, message in reversed(messages.items())}
    return " | ".join(f"{plugin}: {message}" for message, plugin in reversed(named.items()))


def _shorten(message: str) -> str:
    """Return a message of Meltano in one line. Of the output that it quotes, the last line is what matters."""
    found = _OUTPUT_OF_COMMAND.search(message)
    if not found:
        return " ".join(message.split())
    last = found["output"].strip().splitlines()[-1:] or [f"exit code {found['code']}"]
    return " ".join(f"{message[: found.start()]}: {last[0]}".split())
