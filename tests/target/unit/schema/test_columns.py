"""Which column a number that needs more digits belongs to."""

from __future__ import annotations

import pytest

from target_bigquery_softdelete.schema.columns import Column, Kind, TableColumns, walk

PRICE = Column("price", "price", Kind.NUMERIC)
COLUMNS = TableColumns(
    (
        Column("price[0]", "price_0_", Kind.NUMERIC),
        Column("price", "price", Kind.NUMERIC, repeated=True),
        Column("a.b", "a_b", Kind.NUMERIC),
        Column("items", "items", Kind.STRUCT, repeated=True, fields=(PRICE, Column("(x", "_x", Kind.NUMERIC))),
        Column("item", "item", Kind.STRUCT, fields=(PRICE,)),
    ),
    (),
)


@pytest.mark.parametrize(
    ("place", "position"),
    [("price[0]", 0), ("price[12]", 1), ("a.b", 2), ("items[3].price", 4), ("items[3].(x", 5), ("item.price", 7)],
)
def test_the_column_at_a_place_becomes_wider(place: str, position: int) -> None:
    kinds = [column.kind for column in walk(COLUMNS.with_bignumeric(place).columns)]
    assert kinds[position] is Kind.BIGNUMERIC
    # An element of `price` may be at the place that `price[0]` has.
    assert kinds.count(Kind.BIGNUMERIC) == (2 if place == "price[0]" else 1)
