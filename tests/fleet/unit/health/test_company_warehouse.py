"""Companies share a client where they may: same endpoint and location, no account of their own."""

from __future__ import annotations

import datetime as dt
import json
import threading
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, override

import pytest
from google.auth.exceptions import GoogleAuthError

from servicetitan_fleet.health.company_warehouse import SharedClients
from servicetitan_fleet.health.etl_logs import LogEvidence, LogReader
from servicetitan_fleet.registry.company import Company, SecretReferences
from support.http_server import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE, THERE = {"api_endpoint": "http://127.0.0.1:1"}, {"api_endpoint": "http://127.0.0.1:2"}
OWN = {**HERE, "impersonate_service_account": "etl@acme.iam.gserviceaccount.com"}


def company(number: int, target: dict[str, str], location: str = "") -> Company:
    secrets = SecretReferences(client_id="env:A", client_secret="env:B", app_key="env:C")
    return Company(
        company_id=f"company-{number}",
        tenant_id=str(number),
        project_id=f"project-{number}",
        secrets=secrets,
        target=target,
        location=location,
    )


def test_companies_share_the_client_of_their_endpoint_unless_they_have_an_account() -> None:
    with closing(SharedClients({}, 40)) as shared:

        def used(number: int, target: dict[str, str]) -> int:
            with shared.open(company(number, target)) as client:
                return id(client._http)  # noqa: SLF001 - the client shows its session nowhere

        first = used(1, HERE)
        with shared.open(company(2, HERE)) as client:
            assert id(client._http) == first  # noqa: SLF001 - the same
            assert client._http.get_adapter("http://")._pool_maxsize == 40  # noqa: SLF001 - the same
            assert used(3, THERE) != first
            assert used(4, OWN) != first


def test_what_has_no_credentials_for_one_company_does_not_look_for_them_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/no/such/file.json")
    with closing(SharedClients({}, 1)) as shared:
        errors = []
        for number in (1, 2):
            with pytest.raises(GoogleAuthError, match="no/such/file") as failed, shared.open(company(number, {})):
                pass
            errors.append(failed.value)
        assert errors[0] is errors[1]


@contextmanager
def empty_bigquery() -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """Serve a BigQuery without tables. Yield its address, and the path and location of each query."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append((self.path.partition("?")[0], body.get("location")))
            self.send_error(404)

        @override
        def log_message(self, *_: object) -> None:
            pass

    with LocalServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def test_a_shared_client_asks_in_the_project_and_at_the_location_of_each_company() -> None:
    with empty_bigquery() as (address, asked), closing(SharedClients({}, 1)) as shared:
        target = {"api_endpoint": address}
        paid = {**target, "billing_project": "payer"}
        reader = LogReader({}, dt.datetime(2026, 1, 1, tzinfo=dt.UTC), shared=shared)
        for each in (company(1, target, "EU"), company(2, target), company(3, paid), company(4, paid, "EU")):
            assert reader.read(each) == LogEvidence()
    expected = [("project-1", "EU"), ("project-2", None), ("payer", None), ("payer", "EU")]
    assert asked == [(f"/bigquery/v2/projects/{project}/queries", location) for project, location in expected]
