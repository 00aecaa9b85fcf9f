"""The tap beside taps of the SDK, and with increasing numbers of records."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.scenario import Scenario, Section
from benchmarks.taps import Tap, ours, sdk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.lab import Lab
    from benchmarks.scenario import Sample

ONE = ("activities",)
FOUR = ("activities", "invoices", "leads", "payments")

TEXT = """
Taps read activities of 1.1 KB from a local server, in gzipped pages of 5,000 that lie ready there, and write into a
pipe. Start-up (1.5 CPU s, the SDK's) is included.

- Our tap has its default settings, but for the limit of requests: 1,000 a second. With `stream_maps` (here one that
  adds a field) it goes the SDK's ordinary way, as it does with flattening and with deselected fields.
- The SDK's tap is a `RESTStream` as its documents show one (`programs/sdk_tap.py`). *Lean* means with the SDK's
  msgspec writer and `TypeConformanceLevel.NONE`. It loses the digits of decimals that a float does not have, and ours
  does not.
"""

OURS = Tap("tap-servicetitan", ours())
MAPPED = Tap("tap-servicetitan, stream_maps", ours(stream_maps={"activities": {"source": "'api'"}}))
SDK = Tap("SDK tap", sdk())
LEAN = Tap("SDK tap, lean", sdk("--lean"))


def _read(lab: Lab, tap: Tap, records: int, streams: Sequence[str] = ONE) -> Iterator[Sample]:
    yield tap.run(lab, records, streams)


def _four(records: int) -> Scenario:
    run = partial(_read, tap=OURS, records=records // len(FOUR), streams=FOUR)
    return Scenario(f"{OURS.name}, four feeds at once, {records:,} records", run)


SECTION = Section(
    "tap",
    "Tap: the same activities, several taps",
    TEXT,
    (
        Scenario(OURS.name, partial(_read, tap=OURS, records=1_000_000)),
        Scenario(MAPPED.name, partial(_read, tap=MAPPED, records=100_000)),
        Scenario(SDK.name, partial(_read, tap=SDK, records=100_000)),
        Scenario(LEAN.name, partial(_read, tap=LEAN, records=100_000)),
        _four(100_000),
        _four(1_000_000),
        _four(2_000_000),
    ),
    unit="records",
)
