"""The tables of the public errors of a package, from the classes in its `errors.py` and their docstrings. Pure."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

HEAD = ["error", "kind of", "meaning"]


def rows(module: ModuleType) -> Iterator[list[str]]:
    """Yield a row for each error that a module defines: after its base, and in the order of the module.

    Args:
        module: The `errors.py` of a package.
    """
    errors = [
        thing
        for thing in vars(module).values()
        if inspect.isclass(thing) and issubclass(thing, Exception) and thing.__module__ == module.__name__
    ]
    for error in errors:
        if error.__bases__[0] not in errors:
            yield from _with_kinds(error, errors)


def _with_kinds(error: type[Exception], errors: list[type[Exception]]) -> Iterator[list[str]]:
    yield [f"`{error.__name__}`", f"`{error.__bases__[0].__name__}`", meaning(error)]
    for kind in errors:
        if kind.__bases__[0] is error:
            yield from _with_kinds(kind, errors)


def meaning(error: type[Exception]) -> str:
    """Return what the docstring of an error says, in one line of a table."""
    return " ".join((error.__doc__ or "").split()).replace("|", "\\|")
