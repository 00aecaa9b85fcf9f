"""Which values of `_sdc_deleted_at` say that a row is deleted, by both paths."""

from __future__ import annotations

import pytest

from target_bigquery_softdelete.errors import InvalidRecordError
from target_bigquery_softdelete.records.block_converter import BlockConverter
from target_bigquery_softdelete.schema.columns import Column, Kind, TableColumns
from target_bigquery_softdelete.schema.system_columns import DELETED

COLUMNS = TableColumns((Column("id", "id", Kind.INT64),), ("id",))

TIMES = ["2024-05-06T07:08:09Z", "2024-05-06 07:08:09.123456789+01:00", "2024-05-06", " 2024-05-06T07:08:09Z\\n"]
TIMES += ["1970-01-01T00:00:00.000001Z", "9998-12-31T23:59:59Z"]

NO_TIMES = ["", " ", "\\t", "0", "false", "False", "null", "None", "0001-01-01T00:00:00", "1970-01-01T00:00:00Z"]
NO_TIMES += ["0000-00-00 00:00:00", "9999-12-31T23:59:59Z", "1970-01-01T01:00:00+01:00", "1969-12-31"]

UNCLEAR = ["1715000000", "-1", "true", "{}", "[]", '{"at":1}', "NaN", '"yes"', '"true"', '"soon"', '"1715000000"']
UNCLEAR += ['"06/05/2024"', '"2024-13-01"', '"deleted"']


def flag(value: str, *, native: bool) -> bool | None:
    """Return whether a path takes a record for deleted, or nothing if the native one leaves it to the other."""
    raw = f'{{"id":1,"_sdc_deleted_at":{value}}}\n'.encode()
    blocks = BlockConverter(COLUMNS, "jobs")
    table = blocks.convert_natively(raw) if native else blocks.convert_by_record(raw)[0]
    return table and table.column(DELETED).to_pylist()[0]


@pytest.mark.parametrize("native", [True, False], ids=["native", "by-record"])
@pytest.mark.parametrize("text", TIMES)
def test_a_time_does(text: str, native: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert flag(f'"{text}"', native=native) is True


@pytest.mark.parametrize("value", ["null", "false", "0", "0.0", "-0", *(f'"{text}"' for text in NO_TIMES)])
def test_what_means_no_time_does_not(value: str) -> None:
    assert flag(value, native=False) is False
    assert not flag(value, native=True)


@pytest.mark.parametrize("value", UNCLEAR)
def test_a_record_that_says_it_unclearly_is_refused(value: str) -> None:
    with pytest.raises(InvalidRecordError, match="id=1: `_sdc_deleted_at` must be a date and time, or null"):
        flag(value, native=False)
    assert flag(value, native=True) is None


def test_a_block_with_empty_texts_takes_the_native_path() -> None:
    raw = b'{"id":1,"_sdc_deleted_at":""}\n{"id":2,"_sdc_deleted_at":"2024-05-06"}\n{"id":3}\n'

    table = BlockConverter(COLUMNS, "jobs").convert_natively(raw)

    assert table is not None
    assert table.column(DELETED).to_pylist() == [False, True, False]
