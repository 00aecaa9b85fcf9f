"""Writes what a run against BigQuery has found into a document, in place of what an earlier run has written there."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from typing import TYPE_CHECKING, Any

from support.real_bigquery.bill import dollars
from support.real_bigquery.rules import RULES

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from support.real_bigquery.site import Finding, Results, Site

Counts = Counter[tuple[str, str]]
"""Numbers of tests by file and outcome."""

_FEWEST_CALLS = 5
"""A method that was called less often is not in the table of times."""


def count_tests(stats: Mapping[str, Sequence[Any]]) -> Counts:
    """Return the numbers of tests by file and outcome.

    Args:
        stats: pytest's reports, by outcome.
    """
    return Counter(
        (each.nodeid.split("::")[0], outcome)
        for outcome in ("passed", "failed", "error", "skipped")
        for each in stats.get(outcome, ())
        if outcome != "passed" or each.when == "call"
    )


def write(path: Path, site: Site, results: Results, counts: Counts, now: dt.datetime) -> None:
    """Write the results into the document: into its part for the real BigQuery, or into that for the rehearsal.

    Raises:
        ValueError: If the document has no such part.
    """
    name = "real" if site.is_real else "rehearsal"
    part = re.compile(rf"(?<=<!-- run: {name} -->\n).*?(?=<!-- end of run: {name} -->)", re.DOTALL)
    text, replaced = part.subn(lambda _: render(site, results, counts, now), path.read_text(encoding="utf-8"))
    if not replaced:
        raise ValueError(f"{path} has no part for the run: {name}")
    path.write_text(text, encoding="utf-8")


def render(site: Site, results: Results, counts: Counts, now: dt.datetime) -> str:
    """Return the results as Markdown. The name of the project is left out: the document is public."""
    where = "Google's BigQuery" if site.is_real else "the local BigQuery, which stands in for Google's"
    cost = f"{results.most_bytes >> 20} MiB ({dollars(results.most_bytes):.2f} $)"
    region = site.location or "US"
    queries = f"{results.queries} queries, billed for at most {cost}"
    return "\n".join(
        [
            f"{now:%Y-%m-%d}, {where}, in {region}: {_summary(counts)}, and {queries}.",
            "",
            *_table(("tests", "passed", "failed"), _suites(counts)),
            "",
            *_table(("rule", "answer", "what was seen"), _rules(results.findings)),
            "",
            *_table(("call", "number", "median", "95 of 100 within"), _times(results.seconds)),
            "",
        ]
    )


def _summary(counts: Counts) -> str:
    totals = Counter[str]()
    for (_, outcome), number in counts.items():
        totals[outcome] += number
    return ", ".join(f"{number} tests {outcome}" for outcome, number in totals.items()) or "no tests"


def _suites(counts: Counts) -> Iterator[tuple[str, ...]]:
    for file in sorted({file for file, _ in counts}):
        bad = counts[file, "failed"] + counts[file, "error"]
        yield f"`{file}`", str(counts[file, "passed"]), str(bad)


def _rules(findings: Iterable[Finding]) -> Iterator[tuple[str, ...]]:
    found = {finding.rule: finding for finding in findings}
    for rule in RULES:
        finding = found.get(rule.name)
        outcome, seen = (finding.outcome, finding.seen) if finding else ("not tried", rule.why_not_tried)
        yield f"{rule.name}: {rule.says}", outcome, seen.replace("|", "\\|").replace("\n", " ")


def _times(seconds: Mapping[str, list[float]]) -> Iterator[tuple[str, ...]]:
    for method, each in sorted(seconds.items()):
        if len(each) >= _FEWEST_CALLS:
            late = statistics.quantiles(each, n=20)[-1]
            yield f"`{method}`", str(len(each)), f"{statistics.median(each):.3f} s", f"{late:.3f} s"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
