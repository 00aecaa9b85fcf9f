"""The selection is applied to a catalog exactly as Meltano applies it."""

from __future__ import annotations

import json
import logging
from copy import deepcopy
from typing import Any

import pytest
from meltano.core.logging import setup_logging
from meltano.core.plugin.singer.catalog import MetadataExecutor, MetadataRule, select_metadata_rules
from meltano.core.plugin.singer.tap import config_metadata_rules

from servicetitan_fleet.meltano.pair_catalog import SelectionRules
from tap_servicetitan.catalog.entries import catalog
from tap_servicetitan.specs.registry import STREAMS

SELECTIONS = [
    ["*.*"],
    [],
    ["activities.*", "!activities.id", "tech*.*", "job_types.active", "*.id", "!*.name*", "invoices", "absent.*"],
    ["invoices.items.*", "!timesheets.*"],
]
METADATA = {
    "activities": {"replication-method": "FULL_TABLE"},
    "*": {"properties": {"id": {"is-replication-key": True}}},
}
OTHER_RULES = [
    MetadataRule(["jobs", "tech*", ""], [], "selected", value=False),
    MetadataRule(["invoices", "activities", "without*"], ["properties", "id"], "selected", value=False, negated=True),
    MetadataRule([], [], "nowhere", value=True),
    MetadataRule([], [], "everywhere", value=True, negated=True),
    MetadataRule("[a-c]*[!s]", ["properties", "[!i]?*"], "wild", value=True),
    MetadataRule("größe", ["properties", "*"], "name", value="größe"),
]
ODD = {
    "streams": [
        {"tap_stream_id": "without_metadata", "schema": {"properties": {"id": {"properties": {"deep": {}}}}}},
        {
            "tap_stream_id": "metadata_first",
            "metadata": [{"breadcrumb": ["properties", "gone"], "metadata": {"inclusion": "unsupported"}}],
            "schema": {"properties": {"a-b": {"properties": {"c": {}}}, "list": {"items": {"properties": {"d": {}}}}}},
        },
        {"tap_stream_id": "without_properties", "schema": {}, "metadata": []},
        {"tap_stream_id": "", "schema": {}},
        {"tap_stream_id": "größe", "schema": {"properties": {"größe": {}}}},
    ]
}


@pytest.fixture(autouse=True)
def _quiet() -> None:
    setup_logging()
    logging.getLogger("meltano").setLevel(logging.INFO)


@pytest.mark.parametrize("patterns", SELECTIONS)
@pytest.mark.parametrize("discovered", [catalog(STREAMS), ODD], ids=["the tap's", "odd"])
def test_the_catalog_is_the_one_that_meltano_makes(patterns: list[str], discovered: dict[str, Any]) -> None:
    rules = select_metadata_rules(["!*.*"]) + select_metadata_rules(patterns) + config_metadata_rules(METADATA)
    rules += OTHER_RULES
    discovered = json.loads(json.dumps(discovered))
    ours, theirs = deepcopy(discovered), deepcopy(discovered)
    visitor: Any = MetadataExecutor(list(rules))
    visitor.visit(theirs)

    SelectionRules(list(rules)).apply(ours)

    assert json.dumps(ours) == json.dumps(theirs)
    assert ours != discovered
