"""A tap as most are: built with the SDK, all its streams FULL_TABLE, every value a string."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singer_sdk import Stream, Tap
from singer_sdk import typing as th

from target_bigquery_softdelete.plugin_runtime.compat import override

if TYPE_CHECKING:
    from collections.abc import Iterable

    from singer_sdk.helpers.types import Context


class CsvStream(Stream):
    """The rows of one file. Its first column is the key."""

    def __init__(self, tap: Tap, path: Path) -> None:
        with path.open(newline="") as file:
            self._columns = next(csv.reader(file))
        self._path = path
        properties = th.PropertiesList(*(th.Property(name, th.StringType) for name in self._columns)).to_dict()
        super().__init__(tap, properties, path.stem)
        self.primary_keys = self._columns[:1]

    @override
    def get_records(self, context: Context | None) -> Iterable[dict[str, Any]]:
        with self._path.open(newline="") as file:
            yield from csv.DictReader(file)


class CsvTap(Tap):
    """Reads all CSV files of a folder."""

    name = "tap-csv-folder"
    config_jsonschema = th.PropertiesList(th.Property("folder", th.StringType, required=True)).to_dict()

    @override
    def discover_streams(self) -> list[Stream]:
        return [CsvStream(self, path) for path in sorted(Path(self.config["folder"]).glob("*.csv"))]


if __name__ == "__main__":
    CsvTap.cli()
