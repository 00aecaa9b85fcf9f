"""Says which calls a test run may make: those that only touch datasets that the run made itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from support.real_bigquery.bodies import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator

_DATASET_PATH = re.compile(r"/projects/([^/]+)/datasets(?:/([^/:]+))?")
_PROJECT_PATH = re.compile(r"/projects/([^/]+)")
_QUOTED = re.compile(r"`([^`]*)`")
_PART = r"(?:`[^`]*`|[\w-]+)"
# `DISTINCT FROM` compares columns.
_BEFORE_TABLE = r"(?<!DISTINCT )FROM|JOIN|INTO|TABLE|MERGE|UPDATE|USING|VIEW|SCHEMA|EXISTS|CLONE|COPY|LIKE"
_AFTER_KEYWORD = re.compile(rf"\b(?:{_BEFORE_TABLE})\s+({_PART}(?:\.{_PART})+)", re.IGNORECASE)
_VIEWS = "INFORMATION_SCHEMA"


@dataclass(frozen=True)
class Guard:
    """The project and the datasets of a run.

    It is a second lock: the tests name no other dataset. It looks for names, and reads no SQL.

    Attributes:
        project: The project that is used.
        prefix: What the names of all datasets of the run begin with.
    """

    project: str
    prefix: str

    def refusal(self, method: str, path: str, body: bytes) -> str:
        """Return why a call must not be made; an empty text if it may.

        Args:
            method: Such as `POST`.
            path: The path, with or without a query.
            body: The body.
        """
        plain = unquote(urlsplit(path).path)
        project = _PROJECT_PATH.search(plain)
        if not project or project[1] != self.project:
            return f"it is not about the project `{self.project}`"
        try:
            named = [*self._named_in_path(plain), *self._named_in(read_json(method, path, body))]
        except ValueError:
            return "its body cannot be read"
        for dataset in named:
            if dataset is None or not dataset.startswith(self.prefix):
                return f"it names the dataset `{dataset}`, which this run did not make"
        return ""

    @staticmethod
    def _named_in_path(path: str) -> Iterator[str]:
        found = _DATASET_PATH.search(path)
        if found and found[2]:
            yield found[2]

    def _named_in(self, value: Any) -> Iterator[str | None]:  # noqa: ANN401 - JSON
        if isinstance(value, list):
            for item in value:
                yield from self._named_in(item)
        elif isinstance(value, dict):
            yield from self._named_in_object(value)

    def _named_in_object(self, value: dict[str, Any]) -> Iterator[str | None]:
        for name, item in value.items():
            if name == "datasetId":
                # The project of a reference may be left out where the path says it.
                yield item if value.get("projectId", self.project) == self.project else None
            elif name == "query" and isinstance(item, str):
                yield from self._named_in_sql(item)
            else:
                yield from self._named_in(item)

    def _named_in_sql(self, sql: str) -> Iterator[str | None]:
        """Yield the datasets of the paths in a statement: those in backquotes, and those where a table is expected."""
        quoted = {name for name in _QUOTED.findall(sql) if "." in name}
        for path in sorted(quoted | {path.replace("`", "") for path in _AFTER_KEYWORD.findall(sql)}):
            first, *rest = path.split(".")
            if _VIEWS in path.upper():
                continue
            if first == self.project:
                yield rest[0]
            else:
                yield first if len(rest) == 1 else path
