"""The local BigQuery loads a BIGNUMERIC exactly, or refuses it."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery as bq

from servicetitan_sandbox.client.bigquery_project import Project

if TYPE_CHECKING:
    from servicetitan_sandbox.client.processes import BigQuery

EXACT = ["12345678901234567.0123456789", "-99999999999999999999.999999999999999999", "0.000000000000000001"]


def test_a_bignumeric_is_loaded_exactly_or_not_at_all(bigquery: BigQuery) -> None:
    project = Project(bigquery.api_endpoint)
    project.client.create_dataset("bronze")
    big = pa.decimal256(76, 38)
    kinds = pa.schema([("v", big), ("inside", pa.struct([("v", pa.list_(big))]))])
    config = bq.LoadJobConfig(
        source_format="PARQUET",
        parquet_options=bq.ParquetOptions.from_api_repr({"enableListInference": True}),
        schema=[
            bq.SchemaField("v", "BIGNUMERIC"),
            bq.SchemaField("inside", "RECORD", fields=[bq.SchemaField("v", "BIGNUMERIC", "REPEATED")]),
        ],
    )

    def load(*values: str) -> None:
        rows = [{"v": Decimal(value), "inside": {"v": [Decimal(value)]}} for value in values]
        file = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows, kinds), file)
        file.seek(0)
        project.client.load_table_from_file(file, f"{project.name}.bronze.t", job_config=config).result()

    load(*EXACT)
    for refused in ("0.0000000000000000001", "100000000000000000000"):
        with pytest.raises(BadRequest):
            load(refused)

    rows = project.query("SELECT v, inside.v AS nested FROM bronze.t")
    wanted = {Decimal(value): [Decimal(value)] for value in EXACT}
    assert {row["v"]: row["nested"] for row in rows} == wanted
    project.delete()
