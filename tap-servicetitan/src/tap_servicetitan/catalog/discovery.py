"""Runs `--discover` without loading the SDK, which takes ten times as long as everything else.

The streams and their schemas come with the package, and few settings change them. If one does, and for every other
command line, the SDK does the work.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

import msgspec

from tap_servicetitan.catalog.entries import catalog
from tap_servicetitan.specs.registry import STREAMS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CATALOG_SETTINGS: Mapping[str, object] = {
    "extra_streams": None,
    "pii": None,
    "reports": None,
    "unknown_fields": "warn",
}
"""The settings that the catalog depends on, each with the value that changes nothing."""


def affects_catalog(config: Mapping[str, object]) -> bool:
    """Return whether a setting changes the catalog."""
    return any(config.get(name) not in (None, neutral) for name, neutral in _CATALOG_SETTINGS.items())


def discover(args: Sequence[str]) -> bytes | None:
    """Return the catalog for a `--discover` command line, or None for another one or if a setting changes the catalog.

    Args:
        args: Arguments of the command line.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--discover", action="store_true")
    parser.add_argument("--config", action="append", default=[])
    parser.add_argument("--state")  # Meltano passes the last run's; discovery ignores it, as in the SDK
    try:
        known, others = parser.parse_known_args(args)
    except argparse.ArgumentError:
        return None
    if others or not known.discover or not all(map(_keeps_catalog, known.config)):
        return None
    return msgspec.json.format(msgspec.json.encode(catalog(STREAMS)), indent=2) + b"\n"


def _keeps_catalog(path: str) -> bool:
    """Return whether a settings file can be read and leaves the catalog as it is."""
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - loading pathlib takes as long as making the catalog
            config: Any = json.load(file)
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and not affects_catalog(config)
