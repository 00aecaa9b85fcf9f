"""Reports: descriptions, rows, the values of their parameters, and how often they run."""

from __future__ import annotations

import itertools
import math
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from servicetitan_sandbox import exact_json
from servicetitan_sandbox.models import ReportChange, ReportField
from support.servicetitan import Client, new_tenant

if TYPE_CHECKING:
    import requests

    from servicetitan_sandbox.client.processes import ServiceTitan

CATEGORIES = "/reporting/v2/tenant/{tenant}/report-categories"
TYPES: dict[str, Any] = {"String": str, "Number": (int, Decimal), "Boolean": bool, "Date": str, "Time": str}
MAY = {"From": "2024-05-01", "To": "2024-05-31"}


@pytest.fixture
def client(servicetitan: ServiceTitan) -> Client:
    """A client of a new tenant whose reports may run again at once."""
    return Client(servicetitan, new_tenant(report_seconds=0))


def _reports(client: Client) -> list[str]:
    """Return the paths of all reports. Every other one takes a range of days."""
    lists = [
        f"/reporting/v2/tenant/{{tenant}}/report-category/{category['id']}/reports"
        for category in client.page(CATEGORIES)["data"]
    ]
    found = [(report["id"], f"{path}/{report['id']}") for path in lists for report in client.page(path)["data"]]
    return [path for _, path in sorted(found)]


def _post(client: Client, path: str, arguments: dict[str, Any], **query: int | str) -> requests.Response:
    url = client.server.api_url + path.format(tenant=client.tenant.tenant_id)
    body = {"parameters": [{"name": name, "value": value} for name, value in arguments.items()]}
    return client.session.post(f"{url}/data", params=query, json=body, timeout=30)


def _run(client: Client, path: str, arguments: dict[str, Any], **query: int | str) -> Any:  # noqa: ANN401
    answer = _post(client, path, arguments, **query)
    assert answer.status_code == 200, answer.text
    return exact_json.loads(answer.content)


def test_rows_match_the_description(client: Client) -> None:
    by_day, without_days, *_ = _reports(client)
    for path, arguments in ((by_day, MAY), (without_days, {})):
        description = client.page(path)
        page = _run(client, path, arguments, includeTotal="true")
        kinds = [field["dataType"] for field in description["fields"]]

        assert page["fields"] == [{name: field[name] for name in ("name", "label")} for field in description["fields"]]
        assert (page["page"], page["pageSize"], page["hasMore"]) == (1, 1000, False)
        assert page["totalCount"] == len(page["data"]) > 20
        assert all(
            value is None or isinstance(value, TYPES[kind])
            for row in page["data"]
            for kind, value in zip(kinds, row, strict=True)
        )
    assert {item["name"] for item in client.page(by_day)["parameters"] if item["isRequired"]} == {"From", "To"}


def test_pages_and_days_make_the_same_rows(client: Client) -> None:
    path = _reports(client)[0]
    whole = _run(client, path, MAY)["data"]
    last = math.ceil(len(whole) / 10)
    pages = [_run(client, path, MAY, page=number, pageSize=10) for number in range(1, last + 1)]
    days = [_run(client, path, {"From": day, "To": day})["data"] for day in (f"2024-05-{n:02d}" for n in range(1, 32))]

    assert list(itertools.chain.from_iterable(page["data"] for page in pages)) == whole
    assert [page["hasMore"] for page in pages] == [True] * (len(pages) - 1) + [False]
    assert list(itertools.chain.from_iterable(days)) == whole


def test_parameters_choose_rows_and_are_checked(client: Client) -> None:
    path = _reports(client)[1]
    accepts = {item["name"]: item["acceptValues"] for item in client.page(path)["parameters"]}
    units = client.page(
        f"/reporting/v2/tenant/{{tenant}}/dynamic-value-sets/{accepts['BusinessUnitIds']['dynamicSetId']}"
    )
    unit = units["data"][0][0]
    whole = _run(client, path, {})["data"]
    wrong = {"BusinessUnitIds": 5, "Active": "yes", "Colour": 1}

    assert units["fields"] == accepts["BusinessUnitIds"]["fields"]
    assert _run(client, path, {"BusinessUnitIds": [unit]})["data"] == [row for row in whole if row[1] == unit]
    assert _post(client, path, wrong).json()["errors"].keys() == wrong.keys()
    assert _post(client, _reports(client)[0], {"From": "x"}).json()["errors"].keys() == {"From", "To"}
    assert client.get("/reporting/v2/tenant/{tenant}/dynamic-value-sets/nothing").status_code == 404
    assert client.get(f"{path}/data").status_code == 405
    assert _post(client, path.replace("/reports/", "/reports/9"), {}).status_code == 404
    assert _post(client, path, {}, colour="red").status_code == 400


@pytest.mark.parametrize(("pages_count", "second_page"), [(False, 200), (True, 429)])
def test_the_same_report_does_not_run_again_at_once(
    servicetitan: ServiceTitan, second_page: int, *, pages_count: bool
) -> None:
    client = Client(servicetitan, new_tenant(report_seconds=3, report_pages_are_runs=pages_count))
    path, other, *_ = _reports(client)
    first = _post(client, path, MAY, pageSize=10)
    again = _post(client, path, MAY, pageSize=10, page=2)
    refused = _post(client, path, MAY)

    assert (first.status_code, again.status_code, refused.status_code) == (200, second_page, 429)
    assert refused.headers["Retry-After"] in {"1", "2", "3"}
    assert _post(client, other, {}).status_code == 200
    time.sleep(3.1)
    assert _post(client, path, MAY).status_code == 200


def test_report_changes(client: Client) -> None:
    path = _reports(client)[1]
    before = _run(client, path, {})
    described = client.page(path)
    added = ReportField(name="ClosedOn", label="Closed", dataType="Date")
    fields = (*(ReportField(**field) for field in described["fields"]), added)
    client.control.change_report(client.tenant.tenant_id, described["id"], ReportChange(fields=fields))
    after = _run(client, path, {})

    assert client.page(path)["fields"][-1] == added.model_dump()
    assert client.page(path)["modifiedOn"] > described["modifiedOn"]
    assert [row[:-1] for row in after["data"]] == before["data"]
    client.control.change_report(client.tenant.tenant_id, described["id"], ReportChange(seed=2))
    assert _run(client, path, {})["data"] != before["data"]
