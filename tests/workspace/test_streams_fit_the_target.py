"""The target takes the schema of every stream of the tap."""

from __future__ import annotations

import pytest

from tap_servicetitan.catalog.entries import schema_of
from tap_servicetitan.specs import STREAMS, StreamSpec
from target_bigquery_softdelete.schema.columns import table_columns


@pytest.mark.parametrize("spec", STREAMS, ids=[spec.name for spec in STREAMS])
def test_every_field_has_its_own_column(spec: StreamSpec) -> None:
    schema = schema_of(spec)
    snake = table_columns(schema, spec.key, stream=spec.name)
    preserved = table_columns(schema, spec.key, stream=spec.name, naming="preserve")
    assert len(snake.columns) == len(preserved.columns) == len(schema["properties"])
    assert len(snake.key) == len(spec.key)
