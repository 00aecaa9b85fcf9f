"""Checks base64 text, and writes it in its one form. Pure functions.

Bytes are staged as such text, and decoded in the statement that writes them.
"""

from __future__ import annotations

import base64

from target_bigquery_softdelete.errors import InvalidValueError


def to_base64(value: object, place: str) -> str:
    """Return a JSON value as base64 text. White space, as in the lines of long texts, is left out.

    Raises:
        InvalidValueError: If it is no base64 text.
    """
    if not isinstance(value, str):
        raise InvalidValueError(place, "base64 text", value)
    try:
        return base64.b64encode(base64.b64decode("".join(value.split()), validate=True)).decode()
    except ValueError:
        raise InvalidValueError(place, "base64 text", value) from None
