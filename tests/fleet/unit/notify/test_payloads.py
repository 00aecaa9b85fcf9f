"""The bodies of the requests, by the documents of the services."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from servicetitan_fleet.notify import payloads
from servicetitan_fleet.notify.channels import Email
from servicetitan_fleet.notify.mail import write_mail
from servicetitan_fleet.notify.memory import OpenTrouble
from servicetitan_fleet.notify.message import Event, Message
from servicetitan_fleet.notify.place import Place
from servicetitan_fleet.notify.trouble import TroubleKind

PLACE = Place(
    environment="pro", project="fleet", job="etl", execution="etl-x7k2", runbook="https://wiki.example.com/a?b&c"
)
SINCE = dt.datetime(2026, 11, 29, 3, 4, tzinfo=dt.UTC)


def trouble(
    reason: str = "activities: 503", kind: TroubleKind = TroubleKind.FAILED, *, over: bool = False
) -> OpenTrouble:
    return OpenTrouble(
        key=f"{kind}-0123456789ab",
        kind=kind,
        reason=reason,
        since=SINCE,
        streams=("activities", "jobs"),
        logs=PLACE.logs_link("acme"),
        over=SINCE + dt.timedelta(hours=6) if over else None,
    )


def opened(reason: str = "activities: 503") -> Message:
    return Message(
        event=Event.OPENED, place=PLACE, company_id="acme", company_name="Acme & Sons", troubles=[trouble(reason)]
    )


OVER = replace(
    opened(),
    event=Event.OVER,
    troubles=[trouble(over=True), trouble("9 h", TroubleKind.STALE, over=True)],
)
TEST = Message(event=Event.TEST, place=PLACE)


def test_slack_gets_text_that_it_cannot_take_for_a_mention_or_a_link() -> None:
    body = payloads.slack(opened("<!channel> a & b"))
    text = body["blocks"][0]["text"]["text"]
    assert body["text"] == "[pro] acme: failed"
    assert "&lt;!channel&gt; a &amp; b" in text
    assert "*company* Acme &amp; Sons" in text
    assert "*since* 2026-11-29 03:04 UTC" in text
    assert "*streams* activities, jobs" in text
    assert "<https://wiki.example.com/a?b&amp;c#failed>" in text
    assert "<https://console.cloud.google.com/logs/query;query=" in text
    assert body["blocks"][0] == {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def test_google_chat_gets_one_text_without_mentions() -> None:
    body = payloads.google_chat(opened("<users/all> look"))
    assert list(body) == ["text"]
    assert "<users/all>" not in body["text"]
    assert body["text"].splitlines()[0] == "*[pro] acme: failed*"
    assert "*runbook* https://wiki.example.com/a?b&c#failed" in body["text"].splitlines()


@pytest.mark.parametrize("reason", ["x" * 10000, "&" * 1000 + "<" * 9000, "&" + "x" * 9000])
def test_a_long_reason_is_cut_and_the_links_stay(reason: str) -> None:
    for text, most in (
        (payloads.slack(opened(reason))["blocks"][0]["text"]["text"], 3000),
        (payloads.google_chat(opened(reason))["text"], 4096),
    ):
        assert most - 10 < len(text) <= most
        assert text.endswith(("#failed>", "#failed"))
        assert "…" in text
        assert "&l…" not in text.replace("&lt;", "").replace("&amp;", "")
    (event,) = payloads.pagerduty(opened(reason), "key")
    assert len(event["payload"]["summary"]) == 1024


def test_pagerduty_resolves_what_it_has_triggered() -> None:
    (trigger,) = payloads.pagerduty(opened(), "key")
    assert trigger["routing_key"] == "key"
    assert trigger["event_action"] == "trigger"
    assert trigger["payload"]["summary"] == "[pro] acme: failed: activities: 503"
    assert (trigger["payload"]["source"], trigger["payload"]["severity"]) == ("acme", "error")
    assert trigger["payload"]["custom_details"]["streams"] == ["activities", "jobs"]
    assert [link["text"] for link in trigger["links"]] == ["logs", "runbook"]
    first, second = payloads.pagerduty(OVER, "key")
    assert first == {"routing_key": "key", "event_action": "resolve", "dedup_key": trigger["dedup_key"]}
    assert second["dedup_key"] != first["dedup_key"]
    assert [event["event_action"] for event in payloads.pagerduty(TEST, "key")] == ["trigger", "resolve"]


def test_a_webhook_gets_the_fields_that_the_page_lists() -> None:
    (body,) = payloads.webhook(opened())
    assert body == {
        "event": "opened",
        "environment": "pro",
        "text": "[pro] acme: failed",
        "key": "etl/pro/acme/failed-0123456789ab",
        "company": "acme",
        "company_name": "Acme & Sons",
        "kind": "failed",
        "reason": "activities: 503",
        "since": "2026-11-29T03:04:00+00:00",
        "over": None,
        "streams": ["activities", "jobs"],
        "logs": PLACE.logs_link("acme"),
        "runbook": "https://wiki.example.com/a?b&c#failed",
    }
    assert [body["over"] for body in payloads.webhook(OVER)] == ["2026-11-29T09:04:00+00:00"] * 2
    assert list(payloads.webhook(TEST)) == [
        {"event": "test", "environment": "pro", "text": "[pro] A test of the alerts: nothing is wrong"}
    ]


def test_what_is_over_is_one_message() -> None:
    text = payloads.google_chat(OVER)["text"]
    assert text.splitlines()[0] == "*[pro] acme: over, up to date again (was: failed, stale)*"
    assert text.count("*over* 2026-11-29 09:04 UTC") == 2
    assert "runbook" not in text


def test_a_mail_has_no_header_that_a_reason_could_add() -> None:
    channel = Email(host="smtp.example.com", sender="etl@example.com", to=("a@example.com", "b@example.com"))
    mail = write_mail(channel, replace(opened(), company_id="acme", company_name="Ünïcode"))
    assert (mail["From"], mail["To"]) == ("etl@example.com", "a@example.com, b@example.com")
    assert mail["Subject"] == "[pro] acme: failed"
    text = mail.get_content()
    assert "company: Ünïcode" in text
    assert "what: activities: 503" in text
    assert "runbook: https://wiki.example.com/a?b&c#failed" in text


def test_there_is_a_link_to_the_logs_only_on_cloud_run() -> None:
    link = PLACE.logs_link("acme")
    assert link.startswith("https://console.cloud.google.com/logs/query;query=resource.type%3D%22cloud_run_job%22%0A")
    assert link.endswith("jsonPayload.company%3D%22acme%22;duration=P7D?project=fleet")
    assert Place(environment="dev").logs_link("acme") == ""
    assert Place(environment="dev").runbook_link(TroubleKind.TIMED_OUT) == "docs/how-to/runbook.md#timed-out"
