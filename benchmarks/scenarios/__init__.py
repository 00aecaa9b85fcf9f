"""The scenarios, one module for each section."""

from benchmarks.scenario import Section
from benchmarks.scenarios import target

SECTIONS: tuple[Section, ...] = (target.SECTION,)
"""All sections, in the order of the results."""
