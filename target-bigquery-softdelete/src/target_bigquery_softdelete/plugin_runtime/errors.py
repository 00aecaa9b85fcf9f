"""The one error that a plugin shows to the person who runs it."""

from __future__ import annotations

from .printable import escape_controls


class PluginError(Exception):
    """An error that the operator can act on.

    Its text is one line: the thing, the stream, the place, and what to do. It never holds a secret, and control
    characters in it are escaped.
    """

    reported = False
    """Whether the line is in the log already, because it was written when the error happened."""

    def __init__(self, message: str) -> None:
        super().__init__(escape_controls(" ".join(message.split())))
