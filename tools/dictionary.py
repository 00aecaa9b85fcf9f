"""Writes the data dictionary, `docs/reference/dictionary/`: a page for each API module, and shared names in Spanish.

Usage: tools/dictionary.py           write the pages
       tools/dictionary.py --check   print the pages that are out of date, and exit 1 if there are any

All of it follows from the streams' specs, schemas and meanings, and from the columns that the target makes of them.
Each page has a picture of what refers to what (`table_picture.py`).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from servicetitan_fleet.formatting import join_names
from table_picture import Box, Reference, draw
from tap_servicetitan.catalog.entries import schema_of
from tap_servicetitan.catalog.meanings import (
    SHARED,
    UNITS,
    documented_values,
    fields_of,
    find_meaning,
    load_meanings,
    stream_meaning,
)
from tap_servicetitan.specs.registry import STREAMS
from target_bigquery_softdelete.schema.columns import typed
from target_bigquery_softdelete.schema.from_json_schema import table_columns
from target_bigquery_softdelete.schema.naming import column_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_servicetitan.catalog.meanings import Meaning
    from tap_servicetitan.specs.spec import StreamSpec
    from target_bigquery_softdelete.schema.columns import Column

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs/reference/dictionary"
SPANISH = ROOT / "tools/shared_meanings.es.json"

AREA = {spec.name: spec.area for spec in STREAMS}
"""The page of each stream."""

USER_KEY = "userId"
"""The field that says whose login account something is. Nearly every stream refers to it, so pictures leave it out."""

MOST_LABELS = 2
"""How many columns a row of a picture names."""

TITLES = {
    "accounting": "Accounting",
    "crm": "Customers",
    "customer-interactions": "Customer interactions",
    "dispatch": "Dispatch",
    "equipmentsystems": "Equipment systems",
    "findings": "Findings",
    "forms": "Forms",
    "inventory": "Inventory",
    "jbce": "Job booking",
    "jpm": "Jobs and projects",
    "marketing": "Marketing",
    "marketingads": "Marketing: ads",
    "marketingreputation": "Marketing: reputation",
    "memberships": "Memberships",
    "payroll": "Payroll",
    "pricebook": "Pricebook",
    "reporting": "Reporting",
    "sales": "Sales",
    "schedulingpro": "Scheduling Pro",
    "service-agreements": "Service agreements",
    "settings": "Settings",
    "taskmanagement": "Task management",
    "telecom": "Telecom",
    "timesheets": "Timesheets",
}
"""The API modules, as headings."""

MOST_USED: tuple[tuple[str, str], ...] = (
    (
        "jobs appointments appointment_assignments job_types job_history job_canceled_logs",
        "what work there is, and how it goes",
    ),
    ("customers locations customer_contacts location_contacts tag_types", "for whom, and where"),
    ("invoices invoice_items payments credit_memos", "what was billed and paid"),
    ("estimates estimate_items opportunities", "what was offered and sold"),
    ("calls bookings leads call_reasons campaigns campaign_costs", "where the work comes from"),
    ("technicians employees business_units teams zones", "who does it, and for which part of the company"),
    ("timesheets activities activity_types non_job_timesheets gross_pay_items payrolls", "what time and pay it takes"),
    ("memberships membership_types membership_status_changes recurring_service_events", "who comes back"),
    (
        "projects pricebook_services pricebook_materials pricebook_equipment purchase_orders",
        "larger work, what is sold, and what it needs",
    ),
)
"""Streams that most questions need, by what they tell."""


INDEX = """\
# Data dictionary

What the {streams} tables and their {columns} columns mean, a page for each module of ServiceTitan's API. The same texts
are the [descriptions](../descriptions.md) in BigQuery.
[Nombres comunes en español](shared.es.md).

## How to read it

- Columns are named as with the target's defaults. `items.total` is the field `total` of each element of the column
  `items`: `SELECT item.total FROM bronze.invoices, UNNEST(items) AS item`.
- → names the column that a value refers to. Of several, the row says which one: `employee_type`, for example, tells
  whether `employee_id` is an office employee or a technician.
- *Values* are those that the API's documents list. New ones come without notice.
- Amounts are in the company's currency (`business_units.currency`). Where one comes as text, the column that ends in
  `_decimal` has the number.
- *Personal data*: the tap can [hash or leave out](../../how-to/fields.md#personal-data) such fields.
- Each table also has `_etl_operation` and `_etl_synced`. Rows with `_etl_operation = 'DELETE'` are gone at the source.
- In the pictures, a line goes from a column to the table that it refers to, where it ends in an arrow; a broken one may
  go to one of several. Lines join at dots. Tables of other modules have the name of theirs. References to login
  accounts (`created_by_id` and the like) are left out.

## Where to begin

Every field of every stream is explained. These {begin} are where most questions begin, because a company's work,
customers, money, sales, people and time are in them:

| they tell | streams |
| --- | --- |
{used}

## Modules

| module | streams |
| --- | --- |
{areas}
"""
"""The index, without what follows from the streams."""

SPANISH_PAGE = """\
# Nombres comunes

Lo que significan las columnas que tienen muchas tablas. Un nombre con puntos es un campo dentro de otro. Los importes
están en la moneda de la empresa. Lo que una tabla tiene de propio está en la página de su módulo, en inglés
([índice](README.md)).

| columna | significado |
| --- | --- |
{rows}
"""
"""The page with the shared names, without them."""


def short(columns: Iterable[Column], above: str = "") -> Iterator[tuple[tuple[str, ...], str, Column]]:
    """Yield every column with the path of its field and its own path, nested ones included."""
    for column in columns:
        path = f"{above}{column.name}"
        yield (column.source,), path, column
        yield from (((column.source, *source), name, inner) for source, name, inner in short(column.fields, f"{path}."))


def columns_of(spec: StreamSpec) -> list[tuple[tuple[str, ...], str, Column]]:
    """Return the columns of a stream's table, as `short` yields them."""
    return list(short(typed(table_columns(schema_of(spec), spec.key, stream=spec.name).columns)))


def type_of(column: Column) -> str:
    """Return the type of a column in short: that of a STRUCT without its fields."""
    kind = "JSON" if not column.kind else str(column.kind)
    return f"ARRAY of {kind}" if column.repeated else kind


def link(reference: str) -> str:
    """Return a reference as a link to where it is explained."""
    stream, _, field = reference.partition(".")
    return f"[`{stream}.{column_name(field)}`]({AREA[stream]}.md#{stream})"


def sentence(meaning: Meaning, field: dict[str, Any]) -> str:
    """Return all that is known of a field, as Markdown."""
    parts = [meaning.text.replace("|", "\\|")]
    if meaning.unit:
        parts.append(UNITS[meaning.unit])
    if meaning.references:
        parts.append(f"→ {' or '.join(map(link, meaning.references))}")
    if values := documented_values(field):
        parts.append(f"Values: {', '.join(f'`{value}`' for value in values)}")
    return " ".join(parts)


def section(spec: StreamSpec) -> str:
    """Return the part of a page about one stream."""
    fields = dict(fields_of(schema_of(spec)))
    key = ", ".join(f"`{column_name(name)}`" for name in spec.key)
    rows = [
        f"| `{name}` | {type_of(column)} | {sentence(meaning, fields[source])} |"
        for source, name, column in columns_of(spec)
        if (meaning := find_meaning(spec, source))
    ]
    head = [f"## {spec.name}", "", f"{stream_meaning(spec)} Key: {key}.", ""]
    return "\n".join([*head, "| column | type | meaning |", "| --- | --- | --- |", *rows, ""])


def references(spec: StreamSpec) -> list[Reference]:
    """Return which columns of a stream's table refer to which tables: columns to the same ones together."""
    found: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for source, name, _ in columns_of(spec):
        meaning = find_meaning(spec, source)
        targets = [to.partition(".") for to in (meaning.references if meaning else None) or ()]
        if streams := tuple(stream for stream, _, field in targets if field != USER_KEY):
            found[streams].append(name)
    return [Reference(join_names(names, MOST_LABELS), streams) for streams, names in found.items()]


def picture(area: str) -> str:
    """Return the picture of an API module: its tables, and those of others next to what refers to them."""
    own = [Box(spec.name, references=references(spec)) for spec in STREAMS if spec.area == area]
    users: dict[str, list[int]] = defaultdict(list)
    for place, box in enumerate(own):
        for target in {target for reference in box.references for target in reference.targets}:
            users[target].append(place)
    # One that many refer to stands in their middle, so that its lines are short.
    middles = {name: places[len(places) // 2] for name, places in users.items() if AREA[name] != area}
    boxes = [
        each
        for place, box in enumerate(own)
        for each in (box, *(Box(name, TITLES[AREA[name]]) for name in sorted(middles) if middles[name] == place))
    ]
    return draw(f"{TITLES[area]}: which tables refer to which", boxes)


def page(area: str) -> str:
    """Return the page of an API module."""
    specs = [spec for spec in STREAMS if spec.area == area]
    return "\n".join(
        [
            f"# {TITLES[area]}",
            "",
            "Generated by `tools/dictionary.py`. [How to read this](README.md).",
            "",
            f"![Which tables refer to which: each table below says it in words]({area}.svg)",
            "",
            *map(section, specs),
        ]
    )


def index() -> str:
    """Return the index."""
    areas = [
        f"| [{TITLES[area]}]({area}.md) | {', '.join(f'[{name}]({area}.md#{name})' for name in names)} |"
        for area in TITLES
        if (names := [spec.name for spec in STREAMS if spec.area == area])
    ]
    used = [
        f"| {what} | {', '.join(f'[{name}]({AREA[name]}.md#{name})' for name in names.split())} |"
        for names, what in MOST_USED
    ]
    count = sum(len(columns_of(spec)) for spec in STREAMS)
    return INDEX.format(
        streams=len(STREAMS),
        columns=f"{count:,}",
        begin=len(" ".join(names for names, _ in MOST_USED).split()),
        used="\n".join(used),
        areas="\n".join(areas),
    )


def spanish() -> str:
    """Return the page with the names that many streams have, in Spanish."""
    texts = json.loads(SPANISH.read_text("utf-8"))
    rows = [
        f"| `{'.'.join(map(column_name, name.split('.')))}` | {texts[name].replace('|', chr(92) + '|')} |"
        for name in sorted(load_meanings(SHARED))
    ]
    return SPANISH_PAGE.format(rows="\n".join(rows))


def pages() -> dict[str, str]:
    """Return the text of every page and of every picture, by the name of its file."""
    modules = {name: text for area in TITLES for name, text in _files(area)}
    return {"README.md": index(), "shared.es.md": spanish(), **modules}


def _files(area: str) -> Iterator[tuple[str, str]]:
    yield f"{area}.md", page(area)
    if any(spec.area == area for spec in STREAMS):
        yield f"{area}.svg", picture(area)


def present() -> dict[str, str]:
    """Return the text of every file that is there, by its name."""
    return {path.name: path.read_text("utf-8") for path in PAGES.iterdir() if path.suffix in (".md", ".svg")}


def main() -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(description="Write the data dictionary.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a page would change")
    check = parser.parse_args().check
    wanted, found = pages(), present()
    stale = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    if check:
        problem = "\n".join(
            f"dictionary: docs/reference/dictionary/{name} is out of date: run `make docs`" for name in stale
        )
        print(problem or f"dictionary: {len(wanted)} pages and pictures are right")
        return 1 if stale else 0
    PAGES.mkdir(parents=True, exist_ok=True)
    for name in stale:
        if name in wanted:
            (PAGES / name).write_text(wanted[name], encoding="utf-8")
        else:
            (PAGES / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
