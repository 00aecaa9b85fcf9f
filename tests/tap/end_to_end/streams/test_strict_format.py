"""Every message of every stream is one that a strict target takes: in its form, its types and its formats."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

from support.tap.strict import find_faults
from tap_servicetitan.specs.registry import STREAMS

if TYPE_CHECKING:
    from support.tap.harness import Company, Sync


def test_every_message_is_valid(company: Company, sync: Sync) -> None:
    run = sync(company.config, *(spec.name for spec in STREAMS))
    assert run.error is None
    messages = [json.loads(line, parse_float=Decimal) for line in run.lines]
    assert {message["stream"] for message in messages if message["type"] == "RECORD"} == {spec.name for spec in STREAMS}
    assert sorted(set(find_faults(messages))) == []


def test_a_second_run_is_valid_too(company: Company, sync: Sync) -> None:
    first = sync(company.config)
    run = sync(company.config, state=first.state)
    assert run.error is None
    assert sorted(set(find_faults(json.loads(line, parse_float=Decimal) for line in run.lines))) == []
