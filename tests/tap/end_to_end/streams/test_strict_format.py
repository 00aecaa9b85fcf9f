"""Every message of every stream is one that a strict target takes: in its form, its types and its formats."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from servicetitan_sandbox.client.control import Control
from support.tap.strict import find_faults
from tap_servicetitan.plugin_runtime.clock import utc_now
from tap_servicetitan.specs.registry import STREAMS

if TYPE_CHECKING:
    from support.tap.harness import Company, Sync


def test_every_message_is_valid(company: Company, sync: Sync) -> None:
    for path in {spec.list_path for spec in STREAMS if spec.period and spec.numbered and spec.body is None}:
        company.server.control.insert(company.id, Control.entity(path or ""))  # which is then from today
    run = sync(company.config, *(spec.name for spec in STREAMS if not spec.period))
    start = (utc_now() - timedelta(days=2)).date()
    days = sync(company.config | {"start_date": str(start)}, *(spec.name for spec in STREAMS if spec.period))
    run.lines += days.lines
    assert (run.error, days.error) == (None, None)
    messages = [json.loads(line, parse_float=Decimal) for line in run.lines]
    assert {message["stream"] for message in messages if message["type"] == "RECORD"} == {spec.name for spec in STREAMS}
    assert sorted(set(find_faults(messages))) == []


def test_a_second_run_is_valid_too(company: Company, sync: Sync) -> None:
    first = sync(company.config)
    run = sync(company.config, state=first.state)
    assert run.error is None
    assert sorted(set(find_faults(json.loads(line, parse_float=Decimal) for line in run.lines))) == []
