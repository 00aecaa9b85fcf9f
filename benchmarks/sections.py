"""All sections of the benchmarks."""

from benchmarks.scenario import Section
from benchmarks.scenarios import fleet, growth, latency, pipeline, screens, streams, tap, target

SECTIONS: tuple[Section, ...] = (
    latency.SECTION,
    fleet.SECTION,
    screens.SECTION,
    target.SECTION,
    growth.SECTION,
    streams.SECTION,
    tap.SECTION,
    pipeline.SECTION,
)
"""All sections, in the order of the results."""
