"""Sends a message as an e-mail."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import contextmanager
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import TYPE_CHECKING

from servicetitan_fleet.notify.message import lines, title
from servicetitan_fleet.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicetitan_fleet.notify.channels import Email
    from servicetitan_fleet.notify.deadline import Deadline
    from servicetitan_fleet.notify.message import Message

TIMEOUT_SECONDS = 10.0
LONGEST_SUBJECT = 200


def write_mail(channel: Email, message: Message) -> EmailMessage:
    """Return a message as an e-mail."""
    head = title(message)
    mail = EmailMessage()
    mail["Subject"] = head[:LONGEST_SUBJECT]
    mail["From"] = Address(addr_spec=channel.sender)
    mail["To"] = [Address(addr_spec=address) for address in channel.to]
    mail["Date"] = formatdate()
    mail["Message-ID"] = make_msgid(domain=channel.sender.rpartition("@")[2])
    # An automatic answer, such as that of somebody on holiday, would go to nobody.
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n".join([head, "", *(f"{line.name}: {line.text}" for line in lines(message))]))
    return mail


def send_mail(channel: Email, message: Message, password: str, deadline: Deadline) -> None:
    """Send a message to all recipients of a channel.

    Raises:
        PluginError: If the server has not taken it for each of them. The message says why.
    """
    if deadline.remaining <= 0:
        raise PluginError("there was no time left to send it")
    try:
        with _connect(channel, min(TIMEOUT_SECONDS, deadline.remaining)) as server:
            if password:
                server.login(channel.user, password)
            refused = server.send_message(write_mail(channel, message))
    except smtplib.SMTPResponseException as error:
        raise PluginError(f"{channel.host} answered {error.smtp_code} ({type(error).__name__})") from None
    except Exception as error:  # noqa: BLE001 - `email` raises errors of all kinds for odd addresses
        raise PluginError(f"{channel.host}, port {channel.port}: {type(error).__name__}") from None
    if refused:
        raise PluginError(f"{channel.host} refused {', '.join(sorted(refused))}")


@contextmanager
def _connect(channel: Email, timeout: float) -> Iterator[smtplib.SMTP]:
    context = ssl.create_default_context()
    if channel.security == "tls":
        with smtplib.SMTP_SSL(channel.host, channel.port, timeout=timeout, context=context) as server:
            yield server
        return
    with smtplib.SMTP(channel.host, channel.port, timeout=timeout) as server:
        if channel.security == "starttls":
            server.starttls(context=context)
        yield server
