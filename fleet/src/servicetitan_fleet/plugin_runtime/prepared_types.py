"""Types that several threads may decode from the first time on.

msgspec looks at the fields of a type when it first meets it. Another thread that decodes the same type meanwhile finds
half of that, and the process ends with a segmentation fault (msgspec 0.22).
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

Decoded = TypeVar("Decoded", bound=type)


def prepared(decoded: Decoded) -> Decoded:
    """Let msgspec look at a class as soon as it is there, while its module is imported by one thread.

    Args:
        decoded: A struct or a dataclass. What its annotations name must be there, too.
    """
    msgspec.json.Decoder(decoded)
    return decoded
