"""A tenant with reports to read."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from servicetitan_sandbox import exact_json
from support.servicetitan import Client, new_tenant
from support.tap.harness import FEW, Company

if TYPE_CHECKING:
    from servicetitan_sandbox.client.processes import ServiceTitan

CATEGORIES = "/reporting/v2/tenant/{tenant}/report-categories"


def today() -> date:
    """Return the current day of the tap (UTC)."""
    return datetime.now(UTC).date()


class Reports:
    """A tenant, a report with a date range, and one without."""

    def __init__(self, server: ServiceTitan, **tenant: Any) -> None:  # noqa: ANN401 - the tenant's own fields
        self.client = Client(server, new_tenant(sizes=FEW, **{"report_seconds": 0, **tenant}))
        self.company = Company(server, self.client.tenant, {"requests_per_second": 1000, "report_interval_seconds": 0})
        found = [
            {"category": category["id"], "id": report["id"]}
            for category in self.client.page(CATEGORIES)["data"]
            for report in self.client.page(f"/reporting/v2/tenant/{{tenant}}/report-category/{category['id']}/reports")[
                "data"
            ]
        ]
        daily, whole, *_ = sorted(found, key=lambda report: report["id"])
        self.daily = {"name": "daily", **daily}
        self.whole = {"name": "whole", **whole}

    def config(self, *reports: dict[str, Any], **settings: Any) -> dict[str, Any]:  # noqa: ANN401 - any setting
        """Settings of the tap."""
        return self.company.config | {"reports": list(reports)} | settings

    def days(self, first: int, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - the setting's own fields
        """The daily report, from some days ago."""
        return self.daily | {"date_range": {"start": str(today() - timedelta(days=first)), **more}}

    def runs(self, status: int = 200) -> list[dict[str, Any]]:
        """The requests for report rows to which the API answered with a status."""
        requests = self.client.control.requests()
        runs = [
            request
            for request in requests
            if request["tenant"] == self.company.id and request["path"].endswith("/data")
        ]
        return [run for run in runs if run["status"] == status]

    def refused(self) -> list[dict[str, Any]]:
        """The requests for report rows that came too early."""
        return self.runs(429)

    def run_days(self) -> list[str]:
        """The requested days."""
        return [json.loads(run["body"])["parameters"][0]["value"] for run in self.runs()]

    def rows(self, report: dict[str, Any], **parameters: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - the report's own
        """Run a report without the tap, and return its rows, with exact numbers."""
        path = (
            f"/reporting/v2/tenant/{self.company.id}/report-category/{report['category']}/reports/{report['id']}/data"
        )
        body = {"parameters": [{"name": name, "value": value} for name, value in parameters.items()]}
        response = self.client.session.post(self.client.server.api_url + path, json=body, timeout=30)
        answer = exact_json.loads(response.content)
        names = [field["name"] for field in answer["fields"]]
        return [dict(zip(names, row, strict=True)) for row in answer["data"]]
