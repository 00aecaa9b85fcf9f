"""Answers `--discover` without loading the SDK, which takes ten times as long as all the rest of it.

The streams and their schemas come with the package, and few settings change them. Where one does, and for every other
command line, the SDK answers.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

import msgspec

from tap_servicetitan.catalog.entries import catalog
from tap_servicetitan.specs import STREAMS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
_DECISIVE_SETTINGS: Mapping[str, object] = {"pii": None, "reports": None, "unknown_fields": "warn"}
"""The settings that the catalog depends on, and the value with which each of them changes nothing."""


def decide_the_catalog(config: Mapping[str, object]) -> bool:
    """Return whether settings hold one that makes another catalog."""
    return any(config.get(name) not in (None, neutral) for name, neutral in _DECISIVE_SETTINGS.items())


def answer(args: Sequence[str]) -> bytes | None:
    """Return the catalog that a command line asks for, or None when it asks for something else or settings decide it.

    Args:
        args: The arguments of the command.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--discover", action="store_true")
    parser.add_argument("--config", action="append", default=[])
    parser.add_argument("--state")  # Meltano adds the last run's; neither the SDK nor this looks at it
    try:
        known, others = parser.parse_known_args(args)
    except argparse.ArgumentError:
        return None
    if others or not known.discover or not all(map(_is_plain, known.config)):
        return None
    return msgspec.json.format(msgspec.json.encode(catalog(STREAMS)), indent=2) + b"\n"


def _is_plain(path: str) -> bool:
    """Return whether a file of settings can be read and holds none that the catalog depends on."""
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib takes as long to load as the catalog to make
            config: Any = json.load(file)
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and not decide_the_catalog(config)
