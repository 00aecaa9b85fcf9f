r"""Control characters, made visible: whoever writes a name or an error text must not steer the reader's terminal."""

from __future__ import annotations

import re

_LINE_BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
_CONTROLS = re.compile(
    "["
    "\x00-\x08\x0e-\x1f\x7f-\x9f"  # they move the cursor, set colours, rename the window
    "\u200e\u200f\u202a-\u202e\u2066-\u2069"  # they turn the direction of the text around
    f"{_LINE_BREAKS}"  # they begin a line that looks like another one of the log
    "]"
)


def escape_controls(text: str, *, keep: str = "") -> str:
    r"""Return a text with its control characters written as `\x1b`, `\n` or `\u202e`. Tabs stay.

    Args:
        text: Any text.
        keep: Control characters that stay as well.
    """
    return _CONTROLS.sub(lambda found: found[0] if found[0] in keep else repr(found[0])[1:-1], text)
