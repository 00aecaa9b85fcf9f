"""Keeps what was made of a statement: its syntax tree, and the SQL of DuckDB that it became.

The streams of a run, and the runs of many tests, send the same statements about other tables. Parsing and translating
them took most of the time of a small MERGE. A statement is known again by its shape, which is its text with
placeholders for the tables, by the columns of these tables, and by the types of its parameters.

Whoever runs a statement says that it is one of those (`recognized`): nothing else about the project, the tables or the
time may change what it becomes.
"""

from __future__ import annotations

import functools
import re
import threading
from collections import OrderedDict
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from local_bigquery.jobs import query
from local_bigquery.sql import script
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from local_bigquery.sql.translate import Context

    Translate = Callable[[exp.Expression, Context], tuple[str, dict[str, object]]]

_FULL_NAME = re.compile(r"`([^`.\s]+\.[^`.\s]+\.[^`\s]+)`")
_MARK = re.compile("\x00(\\d+)\x00")

_MOST_TREES = 300
_MOST_TRANSLATIONS = 3_000

V = TypeVar("V")


@dataclass(frozen=True)
class Shape:
    """A statement without the names of its tables.

    Attributes:
        text: The statement, with a placeholder for each full table name in backticks.
        names: The names, in the order of their placeholders.
    """

    text: str
    names: tuple[str, ...]

    @classmethod
    def of(cls, statement: str) -> Shape:
        """Return the shape of a statement."""
        numbers: dict[str, int] = {}
        text = _FULL_NAME.sub(
            lambda found: f"`{cls.placeholder(numbers.setdefault(found[1], len(numbers)))}`", statement
        )
        return cls(text, tuple(numbers))

    @staticmethod
    def placeholder(number: int) -> str:
        """Return what stands for a table."""
        return f"table.number.{number}"


@dataclass(frozen=True)
class Translated:
    """A statement of DuckDB.

    Attributes:
        sql: Its text.
        parameters: The names of the query parameters that it reads.
    """

    sql: str
    parameters: tuple[str, ...]

    def values(self, context: Context) -> dict[str, object]:
        """Return the values of its parameters. DuckDB accepts no others."""
        return {name: context.values[name] for name in self.parameters}


@dataclass(frozen=True)
class _Template:
    """Statements of DuckDB with marks for their tables, and the numbers of those that count as referenced."""

    statements: tuple[Translated, ...]
    referenced: tuple[int, ...]


@dataclass(frozen=True)
class _Tree:
    """A parsed statement, and the places of its tables with the numbers of their names."""

    tree: exp.Expression
    tables: tuple[tuple[exp.Table, int], ...]

    def name(self, names: Sequence[str]) -> None:
        """Let it be about these tables."""
        for table, number in self.tables:
            for part, text in zip(("catalog", "db", "this"), names[number].split("."), strict=True):
                table.args[part].set("this", text)


@dataclass
class _Running:
    """The statement that a thread runs."""

    text: str
    shape: Shape
    key: Hashable
    tree: _Tree | None = None


@dataclass
class _Kept(Generic[V]):
    """Lists of values by key, of the keys that were used last: at most so many."""

    most: int
    _values: OrderedDict[Hashable, list[V]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, key: Hashable) -> V | None:
        """Return a value that nobody else has until it is kept again."""
        with self._lock:
            values = self._values.get(key)
            return values.pop() if values else None

    def keep(self, key: Hashable, value: V) -> None:
        """Keep a value, with others of its key."""
        with self._lock:
            self._values.setdefault(key, []).append(value)
            self._values.move_to_end(key)
            if len(self._values) > self.most:
                self._values.popitem(last=False)

    def look_up(self, key: Hashable) -> V | None:
        """Return a value that others may have, too."""
        with self._lock:
            values = self._values.get(key)
            return values[-1] if values else None


_thread = threading.local()
_trees: _Kept[_Tree] = _Kept(_MOST_TREES)
_translations: _Kept[_Template] = _Kept(_MOST_TRANSLATIONS)


def install() -> None:
    """Let the emulator's parser and its translation of whole statements look among what is kept."""
    script.parse = _parse_known(script.parse)
    query.translate = _translate_known(query.translate)


@contextmanager
def recognized(statement: str, shape: Shape, key: Hashable) -> Iterator[None]:
    """While this thread runs a statement, use what is kept of its shape, and keep what is made of it.

    Args:
        statement: The text of the statement. Each of its tables is a name of the shape.
        shape: Its shape.
        key: All else that its translation depends on, except for its parameters.
    """
    running = _thread.running = _Running(statement, shape, key)
    try:
        yield
    finally:
        _thread.running = None
    if running.tree:  # not after a failure, which may have left it half changed
        _trees.keep(shape.text, running.tree)


def translate(context: Context, make: Callable[[], Sequence[Translated]]) -> Sequence[Translated]:
    """Return the statements of DuckDB that the running statement became before, or make them.

    Args:
        context: The emulator's context. Its referenced tables are those of the statement afterwards.
        make: Makes them, and notes the referenced tables.
    """
    running = _running()
    if running is None:
        return make()
    key = (running.shape.text, running.key, tuple(context.parameters.items()))
    template = _translations.look_up(key)
    if template is None:
        made = make()
        if found := _template(made, running.shape.names, context.referenced):
            _translations.keep(key, found)
        return made
    names = running.shape.names
    context.referenced |= {tuple(names[number].split(".")) for number in template.referenced}
    return [_fill(statement, names) for statement in template.statements]


def _running() -> _Running | None:
    return getattr(_thread, "running", None)


def _parse_known(parse: Callable[[str], list[exp.Expression]]) -> Callable[[str], list[exp.Expression]]:
    @functools.wraps(parse)
    def parse_once(text: str) -> list[exp.Expression]:
        running = _running()
        if running is None or text != running.text:
            return parse(text)
        running.tree = _trees.take(running.shape.text)
        if running.tree:
            running.tree.name(running.shape.names)
            return [running.tree.tree]
        trees = parse(text)
        if len(trees) == 1:
            running.tree = _Tree(trees[0], tuple(_tables(trees[0], running.shape.names)))
        return trees

    return parse_once


def _translate_known(translate_anew: Translate) -> Translate:
    @functools.wraps(translate_anew)
    def translate_once(tree: exp.Expression, context: Context) -> tuple[str, dict[str, object]]:
        running = _running()
        if running is None or running.tree is None or tree is not running.tree.tree:
            return translate_anew(tree, context)

        def make() -> list[Translated]:
            sql, bound = translate_anew(tree, context)
            return [Translated(sql, tuple(bound))]

        [statement] = translate(context, make)
        return statement.sql, statement.values(context)

    return translate_once


def _tables(tree: exp.Expression, names: Sequence[str]) -> Iterator[tuple[exp.Table, int]]:
    numbers = {name: number for number, name in enumerate(names)}
    for table in tree.find_all(exp.Table):
        name = f"{table.catalog}.{table.db}.{table.name}"
        if name in numbers:
            yield table, numbers[name]


def _template(made: Sequence[Translated], names: Sequence[str], referenced: set[tuple[str, ...]]) -> _Template | None:
    """Return statements with marks for the tables; None if a table has left traces that are not its full name."""
    numbers = {tuple(name.split(".")): number for number, name in enumerate(names)}
    if not referenced <= numbers.keys():
        return None
    statements = []
    for statement in made:
        sql = statement.sql
        for number, name in enumerate(names):
            sql = sql.replace(_quoted(name), f"\x00{number}\x00")
        if any(name.split(".")[0] in sql or f'"{name.rsplit(".", 1)[1]}"' in sql for name in names):
            return None
        statements.append(Translated(sql, statement.parameters))
    return _Template(tuple(statements), tuple(numbers[reference] for reference in referenced))


def _fill(statement: Translated, names: Sequence[str]) -> Translated:
    return Translated(_MARK.sub(lambda found: _quoted(names[int(found[1])]), statement.sql), statement.parameters)


def _quoted(name: str) -> str:
    return ".".join(f'"{part}"' for part in name.split("."))
