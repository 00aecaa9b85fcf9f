"""The dataset of the group: its views, and the companies' datasets that let them read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from google.api_core.exceptions import GoogleAPIError, NotFound
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery

from servicetitan_fleet.bigquery import quote_name
from servicetitan_fleet.group.company_tables import TIMEOUT_SECONDS
from servicetitan_fleet.group.union_view import LONGEST_VIEW, OWN_LABEL, create_statement
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.redaction import first_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.cloud.bigquery.table import TableListItem

    from servicetitan_fleet.group.company_tables import CompanyTables
    from servicetitan_fleet.group.union_view import UnionView

QUERY_LABEL = "view_query"
"""Label with a digest of the query and the descriptions of a view: it tells, without a look at the view, whether they
have changed."""


@dataclass
class Changes:
    """What was done to the views."""

    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    """Lines that say what could not be done, and why."""

    @property
    def summary(self) -> str:
        """One line with the numbers."""
        counts = {
            "created": self.created,
            "changed": self.changed,
            "removed": self.removed,
            "unchanged": self.unchanged,
            "failed": self.failed,
        }
        return ", ".join(f"{len(names)} {word}" for word, names in counts.items() if names) or "no views"


class GroupDataset:
    """The dataset of the group.

    Args:
        client: A client for its project.
        name: Its full name, `project.dataset`.
        location: Where it is, or is to be created: where the companies' datasets are.
    """

    def __init__(self, client: bigquery.Client, name: str, location: str) -> None:
        self._client = client
        self.name = name
        self._location = location

    def ensure(self) -> None:
        """Create the dataset, unless it exists.

        Raises:
            PluginError: If BigQuery refuses, or it is elsewhere.
        """
        wanted = bigquery.Dataset(self.name)
        wanted.location = self._location
        wanted.description = "Views over the tables of all companies, kept up to date by orchestrate-etl group-views"
        try:
            found = self._client.create_dataset(wanted, exists_ok=True, timeout=TIMEOUT_SECONDS)
        except (GoogleAPIError, GoogleAuthError, OSError) as error:
            raise PluginError(f"cannot use the dataset {self.name}: {first_line(error)}") from error
        if found.location.lower() != self._location.lower():
            raise PluginError(
                f"the dataset {self.name} is in {found.location}, and the companies' are in {self._location}: a view "
                "reads tables of its own location only. Use another dataset"
            )

    def write(self, views: Mapping[str, UnionView]) -> Changes:
        """Create, change and remove views, so that there are these and no others of this command.

        Raises:
            PluginError: If BigQuery does not tell which there are.
        """
        present, changes = self._list(), Changes()
        for name, view in views.items():
            try:
                self._write_view(name, view, present.get(name), changes)
            except (GoogleAPIError, OSError) as error:
                changes.failed.append(f"{name}: {first_line(error)}")
        for name, item in present.items():
            if name not in views and _is_own(item):
                self._remove_view(name, changes)
        return changes

    def _list(self) -> dict[str, TableListItem]:
        try:
            listed = self._client.list_tables(self.name, page_size=1000, timeout=TIMEOUT_SECONDS)
            return {item.table_id: item for item in listed}
        except (GoogleAPIError, OSError) as error:
            raise PluginError(f"cannot read the dataset {self.name}: {first_line(error)}") from error

    def _write_view(self, name: str, view: UnionView, item: TableListItem | None, changes: Changes) -> None:
        digest = hashlib.sha256(f"{view.query}\n{sorted(view.descriptions.items())}".encode()).hexdigest()[:16]
        if item is not None and not _is_own(item):
            changes.failed.append(f"{name}: {self.name} has something of that name that this command did not make")
            return
        if len(view.query) > LONGEST_VIEW:
            changes.failed.append(
                f"{name}: its query would have more than {LONGEST_VIEW:,} characters, which is too long"
            )
            return
        if item is not None and item.labels.get(QUERY_LABEL) == digest:
            changes.unchanged.append(name)
            return
        full_name = f"{self.name}.{name}"
        self._client.query_and_wait(create_statement(full_name, view), api_timeout=TIMEOUT_SECONDS)
        self._describe(self._client.get_table(full_name, timeout=TIMEOUT_SECONDS), view, digest)
        (changes.created if item is None else changes.changed).append(name)

    def _remove_view(self, name: str, changes: Changes) -> None:
        statement = f"DROP VIEW IF EXISTS {quote_name(f'{self.name}.{name}')}"
        try:
            self._client.query_and_wait(statement, api_timeout=TIMEOUT_SECONDS)
            changes.removed.append(name)
        except (GoogleAPIError, OSError) as error:
            changes.failed.append(f"{name}: {first_line(error)}")

    def _describe(self, table: bigquery.Table, view: UnionView, digest: str) -> None:
        """Describe the columns, which a view has only once it is made. Without the digest, all is done again."""
        table.schema = [
            bigquery.SchemaField.from_api_repr({**each.to_api_repr(), "description": view.descriptions[each.name]})
            if each.name in view.descriptions
            else each
            for each in table.schema
        ]
        table.labels = {**OWN_LABEL, QUERY_LABEL: digest}
        self._client.update_table(table, ["schema", "labels"], timeout=TIMEOUT_SECONDS)


def _is_own(item: TableListItem) -> bool:
    return bool(item.table_type == "VIEW" and item.labels.items() >= OWN_LABEL.items())


def authorize(client: bigquery.Client, company: CompanyTables, group: str) -> bool:
    """Let the views of the group's dataset read a company's dataset, whoever asks them. Return whether that was new.

    Args:
        client: A client for the company's project.
        company: The company.
        group: Full name of the group's dataset.

    Raises:
        PluginError: If BigQuery refuses.
    """
    project, _, name = group.rpartition(".")
    wanted = {"dataset": {"projectId": project, "datasetId": name}, "targetTypes": ["VIEWS"]}
    try:
        dataset = client.get_dataset(company.dataset, timeout=TIMEOUT_SECONDS)
        entries = list(dataset.access_entries)
        if any(entry.to_api_repr().get("dataset") == wanted for entry in entries):
            return False
        dataset.access_entries = [*entries, bigquery.AccessEntry(None, "dataset", wanted)]
        client.update_dataset(dataset, ["access_entries"], timeout=TIMEOUT_SECONDS)
    except NotFound:
        return False
    except (GoogleAPIError, GoogleAuthError, OSError) as error:
        raise PluginError(
            f"{company.company_id}: cannot let {group} read {company.dataset}: {first_line(error)}. Until then, "
            "whoever asks a view needs rights on the company's dataset"
        ) from error
    return True
