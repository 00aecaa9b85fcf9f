"""The number of a record follows from its id, and the id from the number."""

from __future__ import annotations

from servicetitan_sandbox.servicetitan.data.identity import Identifiers


def test_each_id_has_one_number() -> None:
    identifiers = Identifiers("1/1001/activities")
    ids = [identifiers.of(number) for number in range(1000)]

    assert [identifiers.number(identifier) for identifier in ids] == list(range(1000))
    assert identifiers.number(ids[0] + 1) is None
    assert identifiers.number(1) is None
