"""Each kind of fault does what its name says, to the requests that it matches."""

from __future__ import annotations

import time

import pytest
import requests

from servicetitan_sandbox.errors import ControlError
from servicetitan_sandbox.models import Fault
from support.servicetitan import ACTIVITY_FEED, TECHNICIANS, Client


def _statuses(client: Client, count: int = 3, **query: object) -> list[int]:
    return [client.get(TECHNICIANS, **query).status_code for _ in range(count)]


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault(kind="status", status=502, times=1), 502),
        (Fault(kind="forbidden", times=1), 403),
        (Fault(kind="not_found", times=1), 404),
        (Fault(kind="rate_limited", times=1), 429),
    ],
)
def test_error_faults_fail_the_given_number_of_requests(client: Client, fault: Fault, status: int) -> None:
    client.control.set_fault(fault)
    answer = client.get(TECHNICIANS)

    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert _statuses(client) == [200, 200, 200]


def test_fault_ends_when_cleared_and_is_logged(client: Client) -> None:
    client.control.clear_requests()
    client.control.set_fault(Fault(kind="status", status=500))
    during = _statuses(client)
    client.control.clear_faults()

    assert (during, _statuses(client, 1)) == ([500, 500, 500], [200])
    assert [entry["fault"] for entry in client.control.requests()] == ["status", "status", "status", None]


def test_fault_meets_only_matching_requests(client: Client) -> None:
    tenant = client.tenant.tenant_id
    client.control.set_fault(Fault(kind="status", path="/payroll/"))
    client.control.set_fault(Fault(kind="status", stream="activities"))
    client.control.set_fault(Fault(kind="status", tenant="1"))
    assert _statuses(client, 1) == [200]
    assert client.get(ACTIVITY_FEED).status_code == 503

    client.control.set_fault(Fault(kind="status", tenant=tenant, page=2))
    assert _statuses(client, 1, page=2) == [503]
    client.control.clear_faults()
    client.control.set_fault(Fault(kind="status", stream="technicians", after=2, times=1))
    assert _statuses(client, 4) == [200, 200, 503, 200]


def test_page_of_a_feed_is_counted_from_its_start(client: Client) -> None:
    client.control.set_fault(Fault(kind="status", stream="activities", page=3))
    second = client.page(ACTIVITY_FEED, **{"from": client.page(ACTIVITY_FEED)["continueFrom"]})

    assert client.get(ACTIVITY_FEED, **{"from": second["continueFrom"]}).status_code == 503


def test_truncated_body(client: Client) -> None:
    client.control.set_fault(Fault(kind="truncated", times=1))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        client.get(TECHNICIANS)

    assert _statuses(client, 1) == [200]


def test_html_instead_of_json(client: Client) -> None:
    client.control.set_fault(Fault(kind="html", times=1))
    answer = client.get(TECHNICIANS)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")


def test_slow_answer(client: Client) -> None:
    client.control.set_fault(Fault(kind="slow", seconds=0.5, times=1))
    started = time.monotonic()

    assert _statuses(client, 1) == [200]
    assert time.monotonic() - started >= 0.5


def test_early_expiry_needs_a_new_token(client: Client) -> None:
    client.control.set_fault(Fault(kind="unauthorized", times=1))
    with_old_token = _statuses(client, 2)
    client.sign_in()

    assert (with_old_token, _statuses(client, 1)) == ([401, 401], [200])


def test_rate_limit_tells_how_long(client: Client) -> None:
    client.control.set_fault(Fault(kind="rate_limited", retry_after=7, times=1))

    assert client.get(TECHNICIANS).headers["Retry-After"] == "7"


def test_shift_skips_a_live_record(client: Client) -> None:
    everything = client.ids(TECHNICIANS, active="Any")
    client.control.set_fault(Fault(kind="shift", page=1, times=1))
    seen = [
        identifier for page in (1, 2, 3) for identifier in client.ids(TECHNICIANS, page=page, pageSize=10, active="Any")
    ]
    alive = client.ids(TECHNICIANS, active="Any")

    assert alive == everything[1:]
    assert set(alive) - set(seen) == {everything[10]}


def test_repeated_page(client: Client) -> None:
    client.control.set_fault(Fault(kind="repeat_page", page=2, times=1))
    first = client.ids(TECHNICIANS, page=1, pageSize=10)

    assert client.ids(TECHNICIANS, page=2, pageSize=10) == first
    assert not set(client.ids(TECHNICIANS, page=2, pageSize=10)) & set(first)


def test_repeated_page_of_a_feed_still_advances(client: Client) -> None:
    first = client.page(ACTIVITY_FEED)
    client.control.set_fault(Fault(kind="repeat_page", stream="activities", times=1))
    again = client.page(ACTIVITY_FEED, **{"from": first["continueFrom"]})

    assert (again["data"], again["continueFrom"]) == (first["data"], first["continueFrom"])


def test_endless_feed(client: Client) -> None:
    *_, last = client.feed(ACTIVITY_FEED)
    client.control.set_fault(Fault(kind="endless_feed"))
    page = client.page(ACTIVITY_FEED, **{"from": last["continueFrom"]})

    assert page == {"hasMore": True, "continueFrom": last["continueFrom"], "data": []}


def test_moving_feed_never_repeats_a_token(client: Client) -> None:
    *_, last = client.feed(ACTIVITY_FEED)
    client.control.set_fault(Fault(kind="moving_feed", stream="activities"))
    tokens = [last["continueFrom"]]
    for _ in range(3):
        page = client.page(ACTIVITY_FEED, **{"from": tokens[-1]})
        assert (page["hasMore"], page["data"]) == (True, [])
        tokens.append(page["continueFrom"])
    client.control.clear_faults()

    assert len(set(tokens)) == 4
    assert client.page(ACTIVITY_FEED, **{"from": tokens[-1]}) == last | {"data": []}


def test_fault_ends_after_its_seconds(client: Client) -> None:
    client.control.set_fault(Fault(kind="rate_limited", tenant=client.tenant.tenant_id, for_seconds=2))
    during = _statuses(client)
    time.sleep(2.1)

    assert (during, _statuses(client, 1)) == ([429, 429, 429], [200])


def test_wrong_type_changes_the_type_of_a_field(client: Client) -> None:
    whole = client.page(TECHNICIANS)["data"]
    client.control.set_fault(Fault(kind="wrong_type", stream="technicians", field="businessUnitId"))
    client.control.set_fault(Fault(kind="wrong_type", stream="activities", field="id"))

    assert client.page(TECHNICIANS)["data"] == [
        record | {"businessUnitId": str(record["businessUnitId"])} if record.get("businessUnitId") else record
        for record in whole
    ]
    assert all(isinstance(record["id"], str) for record in client.page(ACTIVITY_FEED)["data"])
    client.control.clear_faults()
    client.control.set_fault(Fault(kind="wrong_type", stream="technicians", field="name"))
    names = [record["name"] for record in whole]
    assert [record["name"] for record in client.page(TECHNICIANS)["data"]] == list(map(len, names))
    with pytest.raises(ControlError, match="needs `field`"):
        client.control.set_fault(Fault.model_construct(kind="wrong_type"))


def test_unknown_field_adds_a_field(client: Client) -> None:
    whole = client.page(TECHNICIANS)["data"]
    client.control.set_fault(Fault(kind="unknown_field", stream="technicians", times=1))
    client.control.set_fault(Fault(kind="unknown_field", stream="technicians", field="home.planet"))
    novel, nested = client.page(TECHNICIANS)["data"], client.page(TECHNICIANS)["data"]

    assert novel == [record | {"novelty": {"since": 2026, "of": ["x"]}} for record in whole]
    homes = [record["home"] for record in nested if record.get("home")]
    assert homes
    assert all("planet" in home for home in homes)


def test_unknown_token_fails_but_dates_do_not(client: Client) -> None:
    token = client.page(ACTIVITY_FEED)["continueFrom"]
    client.control.set_fault(Fault(kind="unknown_token"))

    assert client.get(ACTIVITY_FEED, **{"from": token}).status_code == 400
    assert client.get(ACTIVITY_FEED, **{"from": "2020-01-01"}).status_code == 200
    assert client.get(ACTIVITY_FEED).status_code == 200


def test_token_endpoint_fails_too(client: Client) -> None:
    client.control.set_fault(Fault(kind="status", path="/connect/", times=1))

    assert (client.token().status_code, client.token().status_code) == (503, 200)


def test_invalid_fault_is_refused(client: Client) -> None:
    with pytest.raises(ControlError, match="422"):
        client.control.set_fault(Fault.model_construct(kind="earthquake"))
    with pytest.raises(ControlError, match="no stream nothing"):
        client.control.set_fault(Fault(kind="slow", stream="nothing"))
