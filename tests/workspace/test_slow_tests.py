"""The list of slow tests: a name that no test has any more would let the test back into every run, unnoticed."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support import slow_tests

if TYPE_CHECKING:
    from collections.abc import Iterator


ROOT = Path(__file__).parents[2]


def listed() -> dict[str, set[str]]:
    files: dict[str, set[str]] = {}
    for node_id in slow_tests.read():
        file, _, test = node_id.partition("::")
        files.setdefault(file, set()).add(test.partition("[")[0])
    return files


def functions(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            yield node.name


@pytest.mark.parametrize(("file", "tests"), sorted(listed().items()))
def test_each_is_there(file: str, tests: set[str]) -> None:
    assert tests <= set(functions((ROOT / file).read_text()))


def test_the_list_is_in_order_and_says_nothing_twice() -> None:
    lines = [line for line in slow_tests.LIST.read_text().splitlines() if not line.startswith("#")]
    assert lines == sorted(set(lines))
