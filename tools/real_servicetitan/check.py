"""Asks every module that the app may read, as far as the bounds allow."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from real_servicetitan.habits import HABITS, UNEXPECTED, page_query, readable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from real_servicetitan.client import Client
    from tap_servicetitan.specs.spec import StreamSpec

STREAMS_PER_MODULE = 3
"""How many streams of a module are asked everything. Of the others it is asked whether they can be read."""


@dataclass
class Findings:
    """What came: by habit and answer the streams, and by stream whether it can be read."""

    habits: dict[str, dict[str, list[str]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    access: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    left_out: list[str] = field(default_factory=list)
    """Streams that were not asked: a bound was reached."""
    untested: list[str] = field(default_factory=list)
    """Streams that cannot be asked alone: lists under a record, and lists that take a body."""

    @property
    def unexpected(self) -> list[str]:
        """What the tap is not made for, a line each."""
        found = [(f"{name}: {answer}", streams) for name, by in self.habits.items() for answer, streams in by.items()]
        found += [(f"access: {answer}", streams) for answer, streams in self.access.items()]
        return [f"{text} ({', '.join(streams)})" for text, streams in found if UNEXPECTED in text]


def check(client: Client, specs: Iterable[StreamSpec], say: Callable[[str], None]) -> Findings:
    """Ask the streams one after the other.

    Args:
        client: The API.
        specs: The streams.
        say: Takes a line for each module.
    """
    findings = Findings()
    asked: dict[str, int] = defaultdict(int)
    for spec in specs:
        if spec.parent or spec.body is not None:
            findings.untested.append(spec.name)
        elif client.is_over:
            findings.left_out.append(spec.name)
        else:
            _ask(client, spec, findings, asked, say)
    return findings


def _ask(
    client: Client, spec: StreamSpec, findings: Findings, asked: dict[str, int], say: Callable[[str], None]
) -> None:
    answer = (
        client.get(spec.list_path, **page_query(spec))
        if spec.list_path
        else client.get(spec.export_path or "", **spec.export_query)
    )
    access = readable(answer)
    findings.access[access].append(spec.name)
    if not answer.is_good or asked[spec.module] >= STREAMS_PER_MODULE:
        return
    if not asked[spec.module]:
        say(f"{spec.module} can be read")
    asked[spec.module] += 1
    for habit in HABITS:
        if client.is_over:
            return
        found = habit.ask(client, spec)
        if found is not None:
            findings.habits[habit.name][found].append(spec.name)
