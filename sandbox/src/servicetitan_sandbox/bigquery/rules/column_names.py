"""Which characters a column name may have: https://cloud.google.com/bigquery/docs/schemas#flexible-column-names.

Letters, digits and marks of any script, dashes, connectors such as `_`, blanks, and ten special characters. The
emulator refuses only those that the documentation lists as not supported, and lets control characters and emoji pass.
"""

from __future__ import annotations

import unicodedata

from local_bigquery.catalog import names

_SPECIAL = frozenset(" &%=+:'<>#|")
_LONGEST = 300


def install() -> None:
    """Hold names of columns to the rule, wherever the emulator checks them."""
    names._illegal = _is_illegal  # noqa: SLF001 - there is no other way in


def _is_illegal(name: str) -> bool:
    return not 0 < len(name) <= _LONGEST or not all(map(_is_allowed, name))


def _is_allowed(character: str) -> bool:
    category = unicodedata.category(character)
    return character in _SPECIAL or category[0] in "LNM" or category in {"Pc", "Pd"}
