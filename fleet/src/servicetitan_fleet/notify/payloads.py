"""The bodies of the requests, as each service documents them. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from servicetitan_fleet.notify.message import Event, lines, title

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicetitan_fleet.notify.memory import OpenTrouble
    from servicetitan_fleet.notify.message import Message
    from servicetitan_fleet.notify.trouble import TroubleKind

Payload = dict[str, Any]

SLACK_SECTION = 3000
CHAT_TEXT = 4096
PAGERDUTY_SUMMARY = 1024
PAGERDUTY_KEY = 255
"""Most characters, by the documents of the services."""

CUT = "…"
_HALF_ESCAPED = re.compile(r"&[a-z]{0,3}\Z")


def slack(message: Message) -> Payload:
    """Return the body for an incoming webhook of Slack.

    https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
    """
    head = escape_slack(title(message))
    rows = [f"*{line.name}* {_slack_text(line.text, is_link=line.is_link)}" for line in lines(message)]
    block = {"type": "section", "text": {"type": "mrkdwn", "text": _fit([f"*{head}*", *rows], SLACK_SECTION)}}
    return {"text": head, "blocks": [block]}


def _slack_text(text: str, *, is_link: bool) -> str:
    return f"<{escape_slack(text)}>" if is_link else escape_slack(text)


def escape_slack(text: str) -> str:
    """Return a text that Slack takes for nothing but text: no mention, no link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def google_chat(message: Message) -> Payload:
    """Return the body for an incoming webhook of Google Chat.

    https://developers.google.com/workspace/chat/quickstart/webhooks. Chat has no way to escape `<users/all>`, so the
    brackets become others.
    """
    rows = [f"*{line.name}* {line.text if line.is_link else _plain(line.text)}" for line in lines(message)]
    return {"text": _fit([f"*{_plain(title(message))}*", *rows], CHAT_TEXT)}


def _plain(text: str) -> str:
    return text.replace("<", "\u2039").replace(">", "\u203a")


def _fit(rows: list[str], most: int) -> str:
    """Join rows. If they are too long, the longest is cut: it is the reason, and the links stay whole."""
    longest = max(range(len(rows)), key=lambda number: len(rows[number]))
    excess = len("\n".join(rows)) - most
    if excess > 0:
        rows = [*rows]
        rows[longest] = _HALF_ESCAPED.sub("", rows[longest][: -excess - len(CUT)]) + CUT
    return "\n".join(rows)[:most]


def pagerduty(message: Message, routing_key: str) -> Iterator[Payload]:
    """Yield the bodies for the Events API v2: one for each trouble.

    https://developer.pagerduty.com/docs/send-alert-event
    """
    if message.event is Event.TEST:
        key = f"etl/{message.place.environment}/test"
        yield _trigger(message, routing_key, key, severity="info", details={})
        yield {"routing_key": routing_key, "event_action": "resolve", "dedup_key": key}
    for trouble in message.troubles:
        key = dedup_key(message, trouble)
        if message.event is Event.OVER:
            yield {"routing_key": routing_key, "event_action": "resolve", "dedup_key": key}
        else:
            severity = "critical" if trouble.kind == "stale" else "error"
            yield _trigger(message, routing_key, key, severity=severity, details=_facts(message, trouble))


def dedup_key(message: Message, trouble: OpenTrouble) -> str:
    """Return what PagerDuty tells a trouble apart by."""
    return f"etl/{message.place.environment}/{message.company_id}/{trouble.key}"[:PAGERDUTY_KEY]


def _trigger(message: Message, routing_key: str, key: str, *, severity: str, details: Payload) -> Payload:
    reason = f": {message.troubles[0].reason}" if message.troubles else ""
    links = [{"href": line.text, "text": line.name} for line in lines(message) if line.is_link]
    return {
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": key,
        "payload": {
            "summary": f"{title(message)}{reason}"[:PAGERDUTY_SUMMARY],
            "source": message.company_id or "orchestrate-etl",
            "severity": severity,
            "component": message.place.job or "orchestrate-etl",
            "class": message.troubles[0].kind if message.troubles else "test",
            "custom_details": details,
        },
        **({"links": links} if links else {}),
    }


def webhook(message: Message) -> Iterator[Payload]:
    """Yield the bodies for a server of one's own: one for each trouble. docs/how-to/notify.md lists the fields."""
    common: Payload = {"event": message.event, "environment": message.place.environment, "text": title(message)}
    if message.event is Event.TEST:
        yield common
    for trouble in message.troubles:
        yield {**common, "key": dedup_key(message, trouble), **_facts(message, trouble)}


def _facts(message: Message, trouble: OpenTrouble) -> Payload:
    kind: TroubleKind = trouble.kind
    return {
        "company": message.company_id,
        "company_name": message.company_name,
        "kind": kind,
        "reason": trouble.reason,
        "since": trouble.since.isoformat(),
        "over": trouble.over.isoformat() if trouble.over else None,
        "streams": list(trouble.streams),
        "logs": trouble.logs or None,
        "runbook": message.place.runbook_link(kind),
    }
