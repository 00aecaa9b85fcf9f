"""The fingerprint of a snapshot: everything that decides what is written is in it, and nothing else."""

from __future__ import annotations

import itertools

from target_bigquery_softdelete.records.fingerprint import fingerprint
from target_bigquery_softdelete.schema.columns import Column, Kind, TableColumns

ID, NAME = Column("id", "id", Kind.INT64), Column("name", "name", Kind.STRING)
CIRCUMSTANCES = ("1.0", '{"history":[]}', "jobs")
COLUMNS = TableColumns((ID, NAME), ("id",))
ROWS = ('["1","a",null]', '["2","b",null]')


def test_each_ingredient_matters() -> None:
    street = Column("street", "street", Kind.STRING)
    variants = [
        (CIRCUMSTANCES, COLUMNS, ROWS),
        (("1.1", *CIRCUMSTANCES[1:]), COLUMNS, ROWS),
        (("1.0", '{"history":["*"]}', "jobs"), COLUMNS, ROWS),
        ((*CIRCUMSTANCES[:2], "crews"), COLUMNS, ROWS),
        (CIRCUMSTANCES[:2], COLUMNS, ROWS),
        (CIRCUMSTANCES, TableColumns((NAME, ID), ("id",)), ROWS),
        (CIRCUMSTANCES, TableColumns((ID,), ("id",)), ROWS),
        (CIRCUMSTANCES, TableColumns((ID, Column("name", "name", Kind.JSON)), ("id",)), ROWS),
        (CIRCUMSTANCES, TableColumns((ID, Column("name", "name", Kind.STRING, repeated=True)), ("id",)), ROWS),
        (CIRCUMSTANCES, TableColumns((ID, Column("Name", "name", Kind.STRING)), ("id",)), ROWS),
        (CIRCUMSTANCES, TableColumns((ID, Column("name", "title", Kind.STRING)), ("id",)), ROWS),
        (CIRCUMSTANCES, TableColumns((ID, Column("name", "name", Kind.STRUCT, fields=(street,))), ("id",)), ROWS),
        (CIRCUMSTANCES, TableColumns((ID, NAME), ("id", "name")), ROWS),
        (CIRCUMSTANCES, TableColumns((ID, NAME), ("name", "id")), ROWS),
        (CIRCUMSTANCES, TableColumns((ID, NAME), ()), ROWS),
        (CIRCUMSTANCES, COLUMNS, ()),
        (CIRCUMSTANCES, COLUMNS, ROWS[:1]),
        (CIRCUMSTANCES, COLUMNS, (*ROWS, ROWS[1])),
        (CIRCUMSTANCES, COLUMNS, ('["1","a","1"]', ROWS[1])),
        (CIRCUMSTANCES, COLUMNS, ("".join(ROWS),)),
        (CIRCUMSTANCES, COLUMNS, (ROWS[0] + ROWS[1][:1], ROWS[1][1:])),
    ]

    found = [fingerprint(*each) for each in variants]

    same = [pair for pair in itertools.combinations(range(len(found)), 2) if found[pair[0]] == found[pair[1]]]
    assert same == []
    assert {len(each) for each in found} == {40}


def test_the_same_again_has_the_same_fingerprint_in_any_process() -> None:
    # A constant: a fingerprint that a log remembers must be understood by the next process.
    again = TableColumns((Column("id", "id", Kind.INT64), Column("name", "name", Kind.STRING)), ("id",))

    assert fingerprint(list(CIRCUMSTANCES), again, iter(ROWS)) == fingerprint(CIRCUMSTANCES, COLUMNS, ROWS)
    assert fingerprint((), TableColumns((), ()), ()) == "ba45aa092f4020d0b1a7873bcd9f598fe50e3fa5"
