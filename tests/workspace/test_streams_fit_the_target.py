"""The target takes the schema of every stream of the tap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tap_servicetitan.catalog.entries import schema_of
from tap_servicetitan.specs.registry import STREAMS
from tap_servicetitan.specs.spec import StreamSpec
from target_bigquery_softdelete.schema.from_json_schema import ColumnRules, table_columns

if TYPE_CHECKING:
    from tap_servicetitan.specs.spec import StreamSpec


@pytest.mark.parametrize("spec", STREAMS, ids=[spec.name for spec in STREAMS])
def test_every_field_has_its_own_column(spec: StreamSpec) -> None:
    schema = schema_of(spec)
    snake = table_columns(schema, spec.key, stream=spec.name)
    preserved = table_columns(schema, spec.key, stream=spec.name, rules=ColumnRules(naming="preserve"))
    assert len(snake.columns) == len(preserved.columns) == len(schema["properties"])
    assert len(snake.key) == len(spec.key)
