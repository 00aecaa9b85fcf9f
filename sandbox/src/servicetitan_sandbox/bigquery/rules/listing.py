"""A page of a list of tables has 50 of them, unless more are asked for."""

from __future__ import annotations

from local_bigquery import api
from local_bigquery.api import tables

TABLES_A_PAGE = 50


def install() -> None:
    """Add the rule to the emulator."""

    def paginate(items: list[object], most: int | None, token: str | None) -> tuple[list[object], str | None]:
        page: tuple[list[object], str | None] = api.paginate(items, TABLES_A_PAGE if most is None else most, token)
        return page

    tables.paginate = paginate
