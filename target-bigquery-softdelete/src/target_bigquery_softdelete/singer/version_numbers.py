"""The numbers that tell versions of a stream apart. Pure."""

from __future__ import annotations

import msgspec


def whole_version(value: object) -> int | None:
    """Return a version that is a whole number, also one that is written with a fraction or an exponent.

    >>> whole_version(7), whole_version(7.0), whole_version(msgspec.Raw(b"7e3")), whole_version(7.5), whole_version("7")
    (7, 7, 7000, None, None)
    """
    number = float(bytes(value)) if isinstance(value, msgspec.Raw) else value
    if isinstance(number, float):
        return int(number) if number.is_integer() else None
    return number if isinstance(number, int) and not isinstance(number, bool) else None
