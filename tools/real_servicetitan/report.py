"""The page docs/real-servicetitan.md: the part of it that a run writes. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections import Counter
    from datetime import datetime

    from real_servicetitan.check import Findings

BEGIN, END = "<!-- run -->", "<!-- end of run -->"
MOST_NAMES = 12
"""How many streams a line names."""


def render(findings: Findings, statuses: Counter[int], now: datetime, host: str) -> str:
    """Return what a run found, in Markdown: counts, names of streams and of fields, and no value of a record."""
    counts = ", ".join(f"{count} times {status or 'no answer'}" for status, count in sorted(statuses.items()))
    lines = [
        f"Asked on {now:%Y-%m-%d %H:%M} UTC, {host}: {sum(statuses.values())} requests ({counts}).",
        "",
        "| question | answer | streams |",
        "| --- | --- | --- |",
    ]
    for name, by_answer in {"access": findings.access, **findings.habits}.items():
        for answer, streams in sorted(by_answer.items(), key=lambda each: -len(each[1])):
            lines.append(f"| {name} | {answer.replace('|', '/')} | {_names(streams)} |")
    if findings.left_out:
        lines += ["", f"Not asked, because a bound was reached: {_names(findings.left_out)}."]
    lines += ["", f"Not asked alone: {_names(findings.untested)}."]
    return "\n".join(lines)


def put(page: str, found: str) -> str:
    """Return a page with what a run found in place of the last one.

    Raises:
        ValueError: If the page has no place for it.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{found}\n{END}{after}"


def _names(streams: list[str]) -> str:
    more = len(streams) - MOST_NAMES
    return f"{len(streams)}: {', '.join(f'`{name}`' for name in streams[:MOST_NAMES])}" + (
        f" and {more} more" if more > 0 else ""
    )
