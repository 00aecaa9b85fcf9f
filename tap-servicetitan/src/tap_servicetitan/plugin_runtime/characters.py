r"""Characters that are half: `\ud800` in JSON, which has no UTF-8 form. Many sources write it, where they cut a text.

Native decoders refuse it. It becomes U+FFFD, the replacement character, as it does wherever text is decoded.
"""

from __future__ import annotations

import re

_ESCAPE = re.compile(
    rb"(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\[^u])|\\u[dD][89a-fA-F][0-9a-fA-F]{2}", re.DOTALL
)


def with_whole_characters(text: bytes) -> bytes:
    r"""Return JSON with `\ufffd` for each half of a surrogate pair that lacks the other."""
    return _ESCAPE.sub(lambda escape: escape[1] or rb"\ufffd", text) if rb"\u" in text else text
