"""The table of meanings keeps what it promises, and the tool that checks it notices what does not."""

from __future__ import annotations

import pytest

import meanings
from tap_servicetitan.catalog.meanings import Meaning, documented_values, find_meaning, load_meanings, values_text
from tap_servicetitan.specs.registry import STREAMS

JOBS = next(spec for spec in STREAMS if spec.name == "jobs")
"""A stream to try things with."""


def test_every_stream_and_field_has_a_meaning() -> None:
    assert list(meanings.missing()) == []


def test_nothing_is_wrong_with_the_table() -> None:
    assert meanings.problems() == []


def test_values_are_those_of_the_documents() -> None:
    # `tools/schemas.py --check` compares the examples in the schemas with the documents.
    for spec, path, field, _ in meanings.meanings():
        said = values_text(documented_values(field))
        assert field["description"].endswith(said), (spec.name, path)


def test_a_field_without_a_meaning_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        meanings, "find_meaning", lambda spec, path: None if path == ("total",) else find_meaning(spec, path)
    )
    assert "jobs.total" in list(meanings.missing())


@pytest.mark.parametrize(
    ("meaning", "problem"),
    [
        (Meaning("Where it goes.", references=("nowhere.id",)), "there is no nowhere.id"),
        (Meaning("Where it goes.", references=("customers.nothing",)), "there is no customers.nothing"),
        (Meaning("Where it goes.", references=("contacts.name",)), "contacts.name is string, not integer"),
        (Meaning("Where it goes."), "it looks like the key of something else: name that, or [] if no stream has it"),
    ],
)
def test_a_reference_to_nothing_is_named(monkeypatch: pytest.MonkeyPatch, meaning: Meaning, problem: str) -> None:
    field = meanings.fields()["jobs"]["customerId",]
    monkeypatch.setattr(meanings, "meanings", lambda: iter([(JOBS, ("customerId",), field, meaning)]))
    assert [line for line in meanings.broken_references() if not line.endswith(": ")] == [f"jobs.customerId: {problem}"]


def test_an_amount_without_a_unit_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    field = meanings.fields()["jobs"]["total",]
    monkeypatch.setattr(meanings, "meanings", lambda: iter([(JOBS, ("total",), field, Meaning("What was billed."))]))
    assert list(meanings.lacking_units()) == ["jobs.total: which unit, or which clock?"]


@pytest.mark.parametrize(("text", "is_empty"), [("The total of the jobs.", True), ("Total that was billed.", False)])
def test_a_meaning_that_only_repeats_the_name_is_named(
    monkeypatch: pytest.MonkeyPatch, text: str, *, is_empty: bool
) -> None:
    monkeypatch.setattr(meanings, "meanings", lambda: iter([(JOBS, ("total",), {}, Meaning(text))]))
    assert list(meanings.tautologies()) == ([f"jobs.total: {text}"] if is_empty else [])


def test_words_of_a_document_are_found() -> None:
    text = load_meanings("jpm")["jobs"]["means"]
    found = list(meanings.copied([f"So: {text.upper()} And more."]))
    assert found
    assert found[0].startswith("jpm.json: jobs: the words of a document: ")
    assert list(meanings.copied([])) == []


def test_an_entry_that_no_field_has_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meanings, "meanings", lambda: iter(()))
    assert "jpm.json: jobs.jobNumber: no such field" in list(meanings.dead_entries())
