"""Servers that receive alerts: one that takes JSON by HTTP, and one that takes e-mails by SMTP."""

from __future__ import annotations

import io
import json
import socketserver
import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, override

from support.http_server import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message
    from pathlib import Path


@dataclass
class Answer:
    """An answer of the HTTP server."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    wait: threading.Event | None = None
    """It answers only when this is set."""


@dataclass
class HttpReceiver:
    """An HTTP server that keeps what it is sent.

    Attributes:
        address: Its base address.
        received: Path and body of each request that was answered with success.
        tries: Paths of all requests.
        answers: The next answers by path; then it answers 200.
    """

    address: str
    received: list[tuple[str, Any]] = field(default_factory=list)
    tries: list[str] = field(default_factory=list)
    answers: dict[str, list[Answer]] = field(default_factory=dict)

    def bodies(self, path: str) -> list[Any]:
        """Return the bodies that a path has received."""
        return [body for found, body in self.received if found == path]


@contextmanager
def run_http_receiver() -> Iterator[HttpReceiver]:
    """Run an HTTP server on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            receiver.tries.append(self.path)
            waiting = receiver.answers.get(self.path)
            answer = waiting.pop(0) if waiting else Answer()
            if answer.wait:
                answer.wait.wait(60)
            if answer.status < 300:
                receiver.received.append((self.path, body))
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": "0"}.items():
                self.send_header(name, value)
            self.end_headers()

        @override
        def log_message(self, *_: object) -> None:
            pass

    with LocalServer(("127.0.0.1", 0), Handler) as server:
        receiver = HttpReceiver(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield receiver
        finally:
            server.shutdown()


@dataclass
class SmtpReceiver:
    """An SMTP server that keeps what it is sent.

    Attributes:
        port: Its port on this machine.
        certificate: The certificate and key for STARTTLS; None: it does not offer it.
        received: Recipients and text of each mail.
        logins: The arguments of each AUTH, and whether the connection was encrypted.
        refuses: Whether it refuses every recipient.
    """

    port: int = 0
    certificate: Path | None = None
    received: list[tuple[list[str], Message]] = field(default_factory=list)
    logins: list[tuple[str, bool]] = field(default_factory=list)
    refuses: bool = False


class _Session(socketserver.StreamRequestHandler):
    """A connection: as much of RFC 5321 as a client of this kind needs."""

    receiver: SmtpReceiver
    encrypted = False

    @override
    def handle(self) -> None:
        self.recipients: list[str] = []
        self.say("220 receiver ready")
        while line := self.rfile.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            answer = getattr(self, f"on_{verb.lower()}", self.on_other)(rest)
            if answer:
                self.say(answer)
            if verb.upper() == "QUIT":
                return

    def say(self, text: str) -> None:
        self.wfile.write(text.replace("\n", "\r\n").encode() + b"\r\n")

    def on_other(self, _: str) -> str:
        return "250 ok"

    def on_ehlo(self, _: str) -> str:
        offers = ["receiver", "AUTH PLAIN", *(["STARTTLS"] if self.receiver.certificate and not self.encrypted else [])]
        return "\n".join([*(f"250-{offer}" for offer in offers[:-1]), f"250 {offers[-1]}"])

    def on_starttls(self, _: str) -> str:
        assert self.receiver.certificate
        self.say("220 go on")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.receiver.certificate)
        try:
            self.connection = context.wrap_socket(self.connection, server_side=True)
        except ssl.SSLError:
            self.rfile = io.BytesIO()  # the client does not trust the certificate, and has gone
            return ""
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)
        self.encrypted = True
        return ""

    @override
    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def on_auth(self, rest: str) -> str:
        self.receiver.logins.append((rest, self.encrypted))
        return "235 welcome"

    def on_rcpt(self, rest: str) -> str:
        if self.receiver.refuses:
            return "550 nobody of that name"
        self.recipients.append(rest.partition("<")[2].partition(">")[0])
        return "250 ok"

    def on_data(self, _: str) -> str:
        self.say("354 go on")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line)
        self.receiver.received.append((self.recipients, message_from_bytes(b"".join(lines))))
        return "250 taken"

    def on_quit(self, _: str) -> str:
        return "221 bye"


@contextmanager
def run_smtp_receiver(certificate: Path | None = None) -> Iterator[SmtpReceiver]:
    """Run an SMTP server on this machine.

    Args:
        certificate: A file with the certificate and the key for STARTTLS.
    """
    receiver = SmtpReceiver(certificate=certificate)
    handler = type("Session", (_Session,), {"receiver": receiver})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        receiver.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield receiver
        finally:
            server.shutdown()
