"""The tables of errors that tools/docs.py writes."""

from __future__ import annotations

from types import ModuleType

import error_tables


def test_an_error_comes_after_its_base_and_what_is_imported_does_not_come() -> None:
    module = ModuleType("some.errors")
    source = '''
from decimal import InvalidOperation
class FirstError(Exception):
    """The first.

    It has | two paragraphs.
    """
class OtherError(ValueError):
    """The other."""
class KindError(FirstError):
    """A kind of the first."""
'''
    exec(source, vars(module))  # noqa: S102 - a module as a package has it
    assert list(error_tables.rows(module)) == [
        ["`FirstError`", "`Exception`", "The first. It has \\| two paragraphs."],
        ["`KindError`", "`FirstError`", "A kind of the first."],
        ["`OtherError`", "`ValueError`", "The other."],
    ]
