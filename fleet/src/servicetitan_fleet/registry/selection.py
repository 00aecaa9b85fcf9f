"""Which streams a company selects. Pure."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def is_selected(stream: str, patterns: Sequence[str]) -> bool:
    """Return whether the company selects a stream. Without patterns the tap selects, so every stream that ran is.

    Args:
        stream: Name of the stream.
        patterns: Meltano selection patterns, `stream.property`. A pattern that begins with `!` excludes.
    """
    names = [pattern.partition(".") for pattern in patterns]
    wanted = [stream_pattern for stream_pattern, _, _ in names if not stream_pattern.startswith("!")]
    unwanted = [
        stream_pattern[1:] for stream_pattern, _, fields in names if stream_pattern[:1] == "!" and fields == "*"
    ]
    return (not wanted or _matches(stream, wanted)) and not _matches(stream, unwanted)


def _matches(stream: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(stream, pattern) for pattern in patterns)
