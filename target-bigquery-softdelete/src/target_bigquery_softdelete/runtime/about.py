"""Name and version of this program."""

from __future__ import annotations

from importlib.metadata import version

NAME = "target-bigquery-softdelete"
VERSION = version(NAME)
SOFTWARE = f"{NAME} {VERSION}"
"""Name and version, as the descriptions of tables state them."""
