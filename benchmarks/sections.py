"""All sections of the benchmarks."""

from benchmarks.scenario import Section
from benchmarks.scenarios import growth, pipeline, streams, tap, target

SECTIONS: tuple[Section, ...] = (target.SECTION, growth.SECTION, streams.SECTION, tap.SECTION, pipeline.SECTION)
"""All sections, in the order of the results."""
