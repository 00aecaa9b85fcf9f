"""Sends a message to a channel, in the form that the channel has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicetitan_fleet.notify import payloads
from servicetitan_fleet.notify.channels import Email, PagerDuty, Slack, Webhook
from servicetitan_fleet.notify.mail import send_mail
from servicetitan_fleet.notify.post import check_address, hide_address, post
from servicetitan_fleet.plugin_runtime.redaction import register_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from servicetitan_fleet.notify.channels import AnyChannel
    from servicetitan_fleet.notify.deadline import Deadline
    from servicetitan_fleet.notify.message import Message


class Sender:
    """Sends messages. Safe to use from several threads."""

    def __init__(self, read_secret: Callable[[str, str], str], deadline: Deadline) -> None:
        """Name the source of secrets and the time.

        Args:
            read_secret: Reads the secret of a reference; the second argument says in errors what it is for.
            deadline: How long to try.
        """
        self._read_secret = read_secret
        self._deadline = deadline

    def send(self, channel: AnyChannel, message: Message) -> None:
        """Send a message to a channel.

        Raises:
            PluginError: If it has not arrived. The message has no secret and no address in it.
        """
        secrets = {name: self._read_secret(reference, f"`{name}`") for name, reference in channel.references.items()}
        register_secrets(value for name, value in secrets.items() if name != "url")
        if isinstance(channel, Email):
            send_mail(channel, message, secrets.get("password", ""), self._deadline)
        elif isinstance(channel, PagerDuty):
            self._post_all(channel.url, payloads.pagerduty(message, secrets["routing_key"]))
        else:
            hide_address(check_address(secrets["url"]))
            self._post_all(secrets["url"], _bodies(channel, message))

    def _post_all(self, address: str, bodies: Iterable[payloads.Payload]) -> None:
        for body in bodies:
            post(address, body, self._deadline)


def _bodies(channel: AnyChannel, message: Message) -> Iterable[payloads.Payload]:
    if isinstance(channel, Slack):
        return [payloads.slack(message)]
    if isinstance(channel, Webhook):
        return payloads.webhook(message)
    return [payloads.google_chat(message)]
