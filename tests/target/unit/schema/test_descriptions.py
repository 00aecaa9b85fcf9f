"""What a column says about itself, and whose words they are."""

from __future__ import annotations

import pytest

from target_bigquery_softdelete.schema.descriptions import LONGEST_DESCRIPTION, column_text, may_replace
from target_bigquery_softdelete.schema.from_json_schema import ColumnRules, table_columns

OWN = "Who pays. Source: `customerId`."


def test_a_text_says_meaning_reference_and_source() -> None:
    references = [("employees", "user_id"), ("technicians", "user_id")]
    assert column_text("Who did it?", references, "a.b") == (
        "Who did it? References `employees.user_id` or `technicians.user_id`. Source: `a.b`."
    )
    assert column_text("", references, "a.b") == ""


def test_a_long_text_is_cut_and_keeps_its_end() -> None:
    text = column_text("x" * 2000, [("customers", "id")], "customerId")
    assert len(text) == LONGEST_DESCRIPTION
    assert text.endswith("x. References `customers.id`. Source: `customerId`.")


@pytest.mark.parametrize(
    ("present", "is_ours"),
    [
        ("", True),
        ("Once: something else. Source: `customer`.", True),
        ("Who pays", True),  # as earlier versions wrote it
        ("Who pays.", True),
        ("Who pays, says Ana.", False),
        ("Source: `customerId`. Ask Ana.", False),
    ],
)
def test_only_our_own_words_give_way(present: str, *, is_ours: bool) -> None:
    assert may_replace(present, OWN) is is_ours


@pytest.mark.parametrize(("naming", "column"), [("snake_case", "user_id"), ("preserve", "userId")])
def test_references_have_the_names_of_tables_and_columns(naming: str, column: str) -> None:
    field = {"type": "integer", "description": "Who.", "x-references": ["public-users.userId", "nonsense", 7]}
    schema = {"description": "One row.", "properties": {"who": field, "none": {**field, "x-references": None}}}
    found = table_columns(schema, [], stream="jobs", rules=ColumnRules(naming=naming))  # type: ignore[arg-type]
    assert found.columns[0].references == (("public_users", column),)
    assert found.columns[1].references == ()
    assert found.description == "One row."


def test_two_columns_that_only_say_something_else_are_equal_and_look_equal() -> None:
    first, second = (
        table_columns({"properties": {"a": {"type": "string", "description": text}}}, [], stream="jobs").columns
        for text in ("One.", "Two.")
    )
    assert first == second
    assert repr(first) == repr(second)  # the fingerprint of a snapshot is made from this
