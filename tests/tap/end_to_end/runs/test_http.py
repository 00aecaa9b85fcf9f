"""Errors on the way to the API: the tap waits out those that pass, and reports others in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.tap.harness import FEW, add_company
from tap_servicetitan.errors import SignInRefusedError, StreamError

if TYPE_CHECKING:
    from support.tap.harness import Company, Sync

STREAM = "campaigns"


def sign_ins(company: Company, since: int) -> int:
    """How many tokens the tap has requested since a number of requests."""
    requests = company.server.control.requests()[since:]
    return sum(request["path"] == "/connect/token" for request in requests)


@pytest.mark.parametrize("kind", ["status", "truncated", "html", "firewall", "unauthorized", "rate_limited"])
def test_trouble_that_passes(company: Company, sync: Sync, kind: Any) -> None:  # noqa: ANN401
    company.set_fault(kind, stream=STREAM, page=2, times=1)
    run = sync(company.config, STREAM)
    assert run.error is None
    assert len(run.records(STREAM)) == FEW[STREAM]
    assert len(run.of("ACTIVATE_VERSION")) == 1
    assert [request["fault"] for request in company.requests(STREAM)].count(kind) == 1


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("status", "503 Service Unavailable"),
        ("truncated", "the response was cut short, after 1 retry"),
        ("html", "the response is not JSON"),
        ("rate_limited", "429 Too Many Requests: Rate limit is exceeded."),
    ],
)
def test_trouble_that_stays(
    company: Company,
    sync: Sync,
    caplog: pytest.LogCaptureFixture,
    kind: Any,  # noqa: ANN401
    text: str,
) -> None:
    company.settings["max_retries"] = 1
    company.set_fault(kind, stream=STREAM)
    run = sync(company.config, STREAM, "job_types")
    assert str(run.error) == "1 of 2 streams failed: campaigns"
    assert f"campaigns: failed: GET /marketing/v2/tenant/{company.id}/campaigns: " in caplog.text or kind == "html"
    assert text in caplog.text
    assert len(company.requests(STREAM)) == 2
    assert run.of("ACTIVATE_VERSION", STREAM) == []
    assert len(run.records("job_types")) == FEW["job_types"]
    assert run.ends["job_types"] == {"status": "complete"}
    assert run.ends[STREAM]["status"] == "failed"
    assert text in run.ends[STREAM]["reason"]


def test_an_answer_that_does_not_come_in_time(company: Company, sync: Sync, caplog: pytest.LogCaptureFixture) -> None:
    sync(company.config, STREAM)  # so that the server has prepared everything
    company.settings |= {"request_timeout": 2, "max_retries": 1}
    company.set_fault("slow", stream=STREAM, times=1, seconds=5)
    run = sync(company.config, STREAM)
    assert run.error is None
    assert "campaigns: no response in time; retry 1 of 1" in caplog.text


def test_the_pause_that_the_api_asks_for_is_kept(
    company: Company, sync: Sync, caplog: pytest.LogCaptureFixture
) -> None:
    company.set_fault("rate_limited", stream=STREAM, times=1, retry_after=1)
    assert sync(company.config, STREAM).error is None
    assert "retry 1 of 3 in 1.0 s" in caplog.text


def test_the_limiter_keeps_the_tap_under_the_limit(servicetitan: Any, sync: Sync) -> None:  # noqa: ANN401
    company = add_company(servicetitan, requests_per_second=10, sizes=FEW | {STREAM: 12})
    company.settings |= {"requests_per_second": 9, "page_size": 1}
    assert sync(company.config, STREAM).error is None
    assert {request["status"] for request in company.requests(STREAM)} == {200}


def test_too_many_requests_for_tokens(company: Company, sync: Sync, caplog: pytest.LogCaptureFixture) -> None:
    company.set_fault("rate_limited", path="/connect/token", times=1, retry_after=1)
    company.set_fault("rate_limited", path="/connect/token", times=1)
    assert sync(company.config, STREAM).error is None
    assert "retry 1 of 3 in 1.0 s" in caplog.text
    assert "retry 2 of 3" in caplog.text

    company.set_fault("rate_limited", path="/connect/token", retry_after=1)
    run = sync(company.config | {"max_retries": 1}, STREAM)
    assert isinstance(run.error, StreamError)
    assert str(run.error).startswith("POST /connect/token: 429 Too Many Requests")
    assert str(run.error).endswith(", after 1 retry")


def test_one_token_serves_the_whole_run(company: Company, sync: Sync) -> None:
    before = len(company.server.control.requests())
    sync(company.config)
    assert sign_ins(company, before) == 1


def test_a_token_is_renewed_before_it_expires(servicetitan: Any, sync: Sync) -> None:  # noqa: ANN401
    company = add_company(servicetitan, token_seconds=2)
    # Twelve pages at five a second take longer than a token lasts.
    company.settings |= {"requests_per_second": 5, "page_size": 1}
    before = len(servicetitan.control.requests())
    assert sync(company.config, STREAM).error is None
    assert {request["status"] for request in company.requests(STREAM)} == {200}
    assert sign_ins(company, before) >= 2


def test_a_module_that_refuses_a_token_that_others_accept_fails_alone(company: Company, sync: Sync) -> None:
    company.set_fault("unauthorized", path="/marketing/")
    run = sync(company.config | {"max_concurrent_streams": 1}, STREAM, "job_types")
    assert str(run.error) == f"1 of 2 streams failed: {STREAM}"
    assert "401" in run.ends[STREAM]["reason"]
    assert len(run.records("job_types")) == FEW["job_types"]


def test_a_firewall_is_no_missing_module(company: Company, sync: Sync) -> None:
    company.settings["max_retries"] = 1
    company.set_fault("firewall", stream=STREAM)
    run = sync(company.config, STREAM, "job_types")
    assert str(run.error) == f"1 of 2 streams failed: {STREAM}"
    assert "a firewall or proxy on the way refuses the request, after 1 retry" in run.ends[STREAM]["reason"]


def test_a_token_that_is_refused_everywhere_ends_the_run(company: Company, sync: Sync) -> None:
    company.set_fault("unauthorized", path="/marketing/")
    company.set_fault("unauthorized", path="/settings/")
    run = sync(company.config | {"max_concurrent_streams": 1}, STREAM, "job_types")
    assert isinstance(run.error, SignInRefusedError)
    assert "check app_key, tenant_id and environment" in str(run.error)
    assert run.of("RECORD") == []


def test_a_wrong_app_key_ends_the_run(company: Company, sync: Sync) -> None:
    run = sync(company.config | {"app_key": "wrong-key"})
    assert isinstance(run.error, SignInRefusedError)
    assert "The application key is missing or not valid." in str(run.error)
    assert run.of("RECORD") == []


def test_a_wrong_secret_ends_the_run_before_it_began(company: Company, sync: Sync) -> None:
    run = sync(company.config | {"client_secret": "wrong-secret"})
    assert isinstance(run.error, SignInRefusedError)
    assert str(run.error) == (
        f"the sign-in for tenant {company.id} was refused (invalid_client): "
        "check client_id, client_secret and environment"
    )
    assert run.messages == []


def test_another_tenant_s_data_cannot_be_read(company: Company, sync: Sync) -> None:
    run = sync(company.config | {"tenant_id": "1"}, *FEW)
    assert "tenant 1 lets the app read none of the 7 streams" in str(run.error)
    assert run.of("RECORD") == []


def test_a_token_endpoint_that_is_down(company: Company, sync: Sync) -> None:
    run = sync(company.config | {"auth_url": "http://127.0.0.1:1/connect/token", "max_retries": 1})
    assert isinstance(run.error, StreamError)
    assert str(run.error) == "POST /connect/token: no connection to 127.0.0.1:1, after 1 retry"
    assert run.messages == []


def test_connections_are_kept_and_bodies_compressed(company: Company, sync: Sync) -> None:
    sync(company.config | {"max_concurrent_streams": 1})
    requests = company.requests(STREAM) + company.requests("activities")
    assert len({request["client_port"] for request in requests}) == 1
    assert all("gzip" in request["headers"]["accept-encoding"] for request in requests)


MEGABYTE = 1 << 20


def test_pages_that_are_too_large_come_in_smaller_ones(company: Company, sync: Sync) -> None:
    for identifier in range(3):
        company.server.control.insert(company.id, STREAM, {"name": f"{identifier}" * (MEGABYTE * 2 // 5)})
    run = sync(company.config | {"max_response_bytes": MEGABYTE}, STREAM)
    assert run.error is None
    assert len({record["id"] for record in run.records(STREAM)}) == FEW[STREAM] + 3
    assert len(run.of("ACTIVATE_VERSION")) == 1


def test_a_response_that_is_too_large_fails_only_its_stream(
    company: Company, sync: Sync, caplog: pytest.LogCaptureFixture
) -> None:
    company.server.control.insert(company.id, STREAM, {"name": "x" * MEGABYTE})
    company.server.control.insert(company.id, "activities", {"name": "x" * MEGABYTE})
    run = sync(company.config | {"max_response_bytes": MEGABYTE}, STREAM, "technicians", "activities")
    assert str(run.error) == f"2 of 3 streams failed: activities, {STREAM}"
    assert len(run.records("technicians")) == FEW["technicians"]
    assert [message["stream"] for message in run.of("ACTIVATE_VERSION")] == ["technicians"]
    feed, listed = (message for message in caplog.messages if ": failed: " in message)
    assert feed.startswith("activities: failed: GET /")
    assert listed.startswith(f"{STREAM}: failed: GET /")
    assert f"/campaigns, page {len(run.records(STREAM)) + 1}: " in listed  # the one record on it is too large
    for line in (feed, listed):
        assert f": the response has more than {MEGABYTE} bytes." in line
        assert line.endswith("raise the setting `max_response_bytes`")
