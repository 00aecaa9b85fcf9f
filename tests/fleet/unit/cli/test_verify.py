"""What goes wrong with one company keeps no other from being verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from servicetitan_fleet.cli import verify as module
from servicetitan_fleet.health.verification import Comparison, Verdict
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.registry.entries import BadEntry, Entries
from support.fleet.statuses import make_company

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from servicetitan_fleet.registry.company import Company


def test_whatever_goes_wrong_with_a_company_the_others_are_verified(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    problems = {"first": PluginError("no access"), "second": ValueError("odd\ntable"), "third": None}

    def verify_company(found: Company, _: object) -> Sequence[Comparison]:
        if problem := problems[found.company_id]:
            raise problem
        return [Comparison(stream="jobs", verdict=Verdict.EQUAL, at_source=1, live_rows=1)]

    monkeypatch.setattr(module, "verify_company", verify_company)
    refused = BadEntry(place="company 4", company_id="fourth", reason="no tenant")
    entries = Entries(companies=[make_company(name) for name in problems], bad=[refused])
    context: Any = None

    assert not module.verify_counts(entries, context, parallel=2, strict=False)

    assert capsys.readouterr().out.splitlines() == [
        "fourth: no tenant",
        "first: no access",
        r"second: ValueError: odd\ntable",
        "third: 1 stream: 1 equal",
    ]
