"""Tokens, the app key, scopes and the rate limit."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest

from servicetitan_sandbox.errors import ControlError
from support.servicetitan import CAMPAIGNS, TECHNICIANS, Client, new_tenant

if TYPE_CHECKING:
    from servicetitan_sandbox.client.processes import ServiceTitan


def test_token_is_for_client_credentials(client: Client) -> None:
    answer = client.token().json()

    assert answer["expires_in"] == 900
    assert answer["token_type"] == "Bearer"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "wrong"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_wrong_credentials_get_no_token(client: Client, form: dict[str, str], error: str) -> None:
    answer = client.token(**form)

    assert (answer.status_code, answer.json()) == (400, {"error": error})


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer unknown"}, {"ST-App-Key": "wrong"}])
def test_wrong_header_is_unauthorized(client: Client, headers: dict[str, str]) -> None:
    answer = client.get(TECHNICIANS, headers)

    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json().keys() == {"type", "title", "status", "traceId", "errors", "data"}


def test_token_expires(servicetitan: ServiceTitan) -> None:
    client = Client(servicetitan, new_tenant(token_seconds=4))
    before = client.get(TECHNICIANS).status_code
    time.sleep(4.1)
    after = client.get(TECHNICIANS).status_code
    client.sign_in()

    assert (before, after, client.get(TECHNICIANS).status_code) == (200, 401, 200)


def test_token_of_one_tenant_is_forbidden_on_another(client: Client, servicetitan: ServiceTitan) -> None:
    other = Client(servicetitan, new_tenant())

    assert client.get(TECHNICIANS.format(tenant=other.tenant.tenant_id)).status_code == 403


def test_rate_limit_alternates_with_and_without_retry_after(servicetitan: ServiceTitan) -> None:
    client = Client(servicetitan, new_tenant(requests_per_second=3))
    answers = [client.get(TECHNICIANS, pageSize=1) for _ in range(5)]
    time.sleep(1.1)

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers.get("Retry-After") for answer in answers[3:]] == ["1", None]
    assert client.get(TECHNICIANS, pageSize=1).status_code == 200


def test_unknown_path_is_not_found(client: Client) -> None:
    assert client.get("/settings/v2/tenant/{tenant}/nothing").status_code == 404


def test_areas_without_a_scope_or_not_enabled(servicetitan: ServiceTitan) -> None:
    client = Client(servicetitan, new_tenant(scopes={"settings", "crm"}, not_enabled={"crm"}))

    assert [client.get(path).status_code for path in (TECHNICIANS, CAMPAIGNS, "/crm/v2/tenant/{tenant}/leads")] == [
        200,
        403,
        404,
    ]
    with pytest.raises(ControlError, match="no area nothing"):
        servicetitan.control.add_tenant(new_tenant(scopes={"nothing"}))


@pytest.mark.parametrize("skew", [-3600, 7200])
def test_the_servers_clock_can_be_wrong(servicetitan: ServiceTitan, skew: int) -> None:
    client = Client(servicetitan, new_tenant(clock_skew_seconds=skew))
    changed = client.control.update(client.tenant.tenant_id, "technicians", client.ids(TECHNICIANS)[0])
    answer = client.get(TECHNICIANS, pageSize=1)

    for moment in (datetime.fromisoformat(changed["modifiedOn"]), parsedate_to_datetime(answer.headers["Date"])):
        assert abs((moment - datetime.now(UTC)).total_seconds() - skew) < 60
    assert client.ids(TECHNICIANS, modifiedOnOrAfter=changed["modifiedOn"]) == [changed["id"]]
