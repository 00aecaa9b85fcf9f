"""What a tenant's streams hold at the source, as the tap's records should have it."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from servicetitan_sandbox import exact_json
from servicetitan_sandbox.servicetitan.spec import documents, endpoints
from support.tap.harness import as_text, comparable, unpacked
from support.tap.scenarios import SPECS, entity
from tap_servicetitan.catalog.entries import load_schema
from tap_servicetitan.specs.spec import DELETED_AT, POSITION, StreamSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from support.servicetitan import Client
    from support.tap.target_table import Key

Record = dict[str, Any]


class Source:
    """The records of a tenant.

    Args:
        client: A client of the tenant.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._tenant = client.tenant.tenant_id

    def records(self, spec: StreamSpec) -> list[Record]:
        """Return the records of a stream that its lists show now, children with their parent's id."""
        wanted = {name: spec.query[name] for name in documents.FILTERED_FIELDS if name in spec.query}
        records = [record for record in self._all(spec) if wanted.items() <= record.items()]
        return [record for record in records if not (spec.inactive_is_deleted and record.get("active") is False)]

    def by_key(self, spec: StreamSpec) -> dict[Key, Record]:
        """Return the same by key. The stream must not be numbered."""
        return {tuple(record[name] for name in spec.key): record for record in self.records(spec)}

    def _all(self, spec: StreamSpec) -> list[Record]:
        control, name = self._client.control, entity(spec)
        records = [as_text(record) for record in unpacked(spec, control.records(self._tenant, name))]
        if spec.parent is None:
            return records
        living = set(control.ids(self._tenant, entity(SPECS[spec.parent.stream])))
        parents = control.parents(self._tenant, name)
        return [
            record | {spec.parent.field: parent}
            for record, parent in zip(records, parents, strict=True)
            if parent in living
        ]

    def daily_report(self) -> dict[str, Any]:
        """Return a report that takes a range of days, as the tap's settings name it, without its days."""
        control = self._client.control
        identifier = control.ids(self._tenant, endpoints.REPORTS)[0]
        return {"category": str(control.parents(self._tenant, endpoints.REPORTS)[0]), "id": identifier}

    def report_rows(self, report: Mapping[str, Any], day: str) -> list[Record]:
        """Run a report for a day, and return its rows."""
        path = f"/reporting/v2/tenant/{self._tenant}/report-category/{report['category']}/reports/{report['id']}/data"
        body = {"parameters": [{"name": name, "value": day} for name in ("From", "To")]}
        response = self._client.session.post(self._client.server.api_url + path, json=body, timeout=30)
        answer = exact_json.loads(response.content)
        names = [field["name"] for field in answer["fields"]]
        return [as_text(dict(zip(names, row, strict=True))) for row in answer["data"]]


def own_fields(spec: StreamSpec) -> list[str]:
    """Return the fields of a stream's records that every one of its paths returns, sorted."""
    served = [endpoints.find(path.replace("{tenant}", "1"))[0] for path in spec.paths]
    hidden = frozenset[str]().union(*(endpoint.hidden for endpoint in served if endpoint))
    return sorted(load_schema(spec.name)["properties"].keys() - hidden - {POSITION, DELETED_AT})


def content(record: Record, fields: Iterable[str]) -> Record:
    """Return some fields of a record, without what the tap adds to them. A field that is missing is null."""
    kept: Record = comparable({name: record.get(name) for name in fields})
    return kept


def by_content(spec: StreamSpec, records: Iterable[Record]) -> dict[Key, list[str]]:
    """Return the contents of a numbered stream's records in a fixed order, by parent.

    Which of a list's records has which position follows from the order of the list, which nothing promises.
    """
    fields = own_fields(spec)
    groups: dict[Key, list[str]] = defaultdict(list)
    for record in records:
        groups[record[spec.parent.field] if spec.parent else None,].append(
            json.dumps(content(record, fields), sort_keys=True)
        )
    return {key: sorted(texts) for key, texts in groups.items()}
