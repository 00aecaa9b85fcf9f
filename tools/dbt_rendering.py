"""Renders the models of the dbt package without dbt: with the package's macros and stand-ins for dbt's functions.

The stand-ins know what the package uses; anything else fails.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

PACKAGE = Path(__file__).parents[1] / "dbt"

MODELS = {path.stem: path for path in sorted(PACKAGE.glob("models/*/*.sql"))}
"""The file of each model."""

STAGING = tuple(name for name in MODELS if name.startswith("stg_servicetitan__"))
MARTS = tuple(name for name in MODELS if name.startswith("servicetitan__"))

_MACROS = "".join((PACKAGE / f"macros/{name}.sql").read_text("utf-8") for name in ("has_streams", "times"))


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


def render(model: str, tables: str, models: str, **variables: Any) -> Rendered:  # noqa: ANN401 - any variable
    """Render a model.

    Args:
        model: Its name.
        tables: The dataset of the streams' tables, with its project.
        models: The dataset of the models, with its project.
        variables: Variables of the package, without `servicetitan_` before their names.
    """
    done = Rendered("")
    values = {"without": [], "timezone": "UTC"} | variables

    def source(_: str, table: str) -> str:
        done.sources.append(table)
        return f"`{tables}.{table}`"

    def ref(name: str) -> str:
        done.models.append(name)
        return f"`{models}.{name}`"

    def config(enabled: str) -> str:
        done.is_enabled = enabled.strip() == "True"
        return ""

    template = Environment(undefined=StrictUndefined, autoescape=False).from_string(  # noqa: S701 - SQL, no HTML
        _MACROS + MODELS[model].read_text("utf-8")
    )
    done.sql = template.render(
        source=source,
        ref=ref,
        config=config,
        var=lambda name: values[name.removeprefix("servicetitan_")],
        **{"return": str},
    ).strip()
    return done
