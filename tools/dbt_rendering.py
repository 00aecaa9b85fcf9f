"""Renders the models of the dbt package without dbt: with the package's macros and stand-ins for dbt's functions.

The stand-ins know what the package uses; anything else fails.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, override

from jinja2 import Environment, StrictUndefined
from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Columns = Mapping[str, Mapping[str, Sequence[str]]]

PACKAGE = Path(__file__).parents[1] / "dbt"
PACKAGE_NAME = "servicetitan"

MODELS = {path.stem: path for path in sorted(PACKAGE.glob("models/*/*.sql"))}
"""The file of each model."""

STAGING = tuple(name for name in MODELS if name.startswith("stg_servicetitan__"))
MARTS = tuple(name for name in MODELS if name.startswith("servicetitan__"))

_MACROS = "".join((PACKAGE / f"macros/{name}.sql").read_text("utf-8") for name in ("complete", "has_streams", "times"))

_SOURCES = PACKAGE / "models/staging/_sources.yml"


@dataclass(frozen=True)
class Relation:
    """A table. As text it is its full name."""

    dataset: str
    identifier: str

    @override
    def __str__(self) -> str:
        """Return its name as a query has it."""
        return f"`{self.dataset}.{self.identifier}`"


class Adapter:
    """What dbt knows of the warehouse.

    Args:
        columns: The names of the columns of each table, each with those of its fields.
    """

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def get_columns_in_relation(self, relation: Relation) -> list[dict[str, Any]]:
        """Return the columns of a table."""
        return [
            {"name": name, "fields": [{"name": field} for field in fields]}
            for name, fields in self._columns[relation.identifier].items()
        ]


@dataclass
class Rendered:
    """A model as dbt sends it.

    Attributes:
        sql: The query.
        is_enabled: Whether dbt builds the model at all.
        sources: The streams that it reads.
        models: The models that it reads.
    """

    sql: str
    is_enabled: bool = True
    sources: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)


def render(
    model: str,
    tables: str,
    models: str,
    columns: Columns | None = None,
    **variables: Any,  # noqa: ANN401 - any variable
) -> Rendered:
    """Render a model.

    Args:
        model: Its name.
        tables: The dataset of the streams' tables, with its project.
        models: The dataset of the models, with its project.
        columns: The names of the columns that each table has, each with those of its fields. Without them, the tables
            have all columns.
        variables: Variables of the package, without `servicetitan_` before their names.
    """
    done = Rendered("")
    values = {"without": [], "timezone": "UTC"} | variables

    def source(_: str, table: str) -> Relation:
        done.sources.append(table)
        return Relation(tables, table)

    def ref(name: str) -> str:
        done.models.append(name)
        return f"`{models}.{name}`"

    def config(enabled: str) -> str:
        done.is_enabled = enabled.strip() == "True"
        return ""

    environment = Environment(undefined=StrictUndefined, extensions=["jinja2.ext.do"])  # noqa: S701 - SQL, no HTML
    template = environment.from_string(_MACROS + MODELS[model].read_text("utf-8"))
    # dbt asks the warehouse only when it runs.
    running = {"adapter": Adapter(columns), "graph": {"sources": _described()}} if columns else {}
    done.sql = template.render(
        source=source,
        ref=ref,
        config=config,
        var=lambda name: values[name.removeprefix("servicetitan_")],
        **{"return": str, "execute": bool(columns), **running},
    ).strip()
    return done


@cache
def _described() -> dict[str, Any]:
    """Return the package's sources as dbt has them in its graph."""
    [source] = YAML(typ="safe").load(_SOURCES)["sources"]
    return {
        table["name"]: {
            "package_name": PACKAGE_NAME,
            "name": table["name"],
            "columns": {column["name"]: column for column in table["columns"]},
        }
        for table in source["tables"]
    }
