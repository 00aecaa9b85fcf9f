"""Alerts arrive: once for each trouble, and once when it is over, at servers that really receive them."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import logging
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, override

import pytest
from click.testing import CliRunner
from click.testing import Result as Done
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from servicetitan_fleet.cli.notify import notify
from servicetitan_fleet.fleet.outcome import Outcome, Result
from servicetitan_fleet.notify import deadline as deadline_module
from servicetitan_fleet.notify import post as post_module
from servicetitan_fleet.notify import store as store_module
from servicetitan_fleet.notify.channels import parse_entries
from servicetitan_fleet.notify.deadline import Deadline
from servicetitan_fleet.notify.notifier import Notifier
from servicetitan_fleet.notify.place import Place
from servicetitan_fleet.notify.sender import Sender
from servicetitan_fleet.notify.store import MemoryStore
from servicetitan_fleet.plugin_runtime import redaction
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.registry.company import parse_company
from servicetitan_fleet.registry.secrets import SecretResolver
from servicetitan_fleet.state.company_record import CompanyRecord
from servicetitan_fleet.state.storage import NOTHING, Storage, StoredObject, open_storage
from support.fleet.receivers import Answer, run_http_receiver, run_smtp_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from servicetitan_fleet.state.storage_clock import StorageTime
    from support.fleet.receivers import HttpReceiver, SmtpReceiver

ORCHESTRATE_ETL = Path(sys.executable).with_name("orchestrate-etl")
SECRET_PATH = "/services/T0AAAA/B0BBBB/s3cr3tS3cr3tS3cr3t"
ROUTING_KEY = "r0ut1ngs3cr3tk3y0123456789abcdef"
PASSWORD = "pa55-s3cr3t"


def company_fields(company_id: str, **more: object) -> dict[str, Any]:
    secrets = dict.fromkeys(("client_id", "client_secret", "app_key"), "env:MISSING_S3CRET")
    number = str(sum(map(ord, company_id)))
    return {
        "company_id": company_id,
        "tenant_id": number,
        "project_id": f"{company_id}-data",
        "secrets": secrets,
        **more,
    }


def failed(company_id: str = "acme", reason: str = "activities: 503") -> Outcome:
    return Outcome(company_id=company_id, result=Result.FAILED, reason=reason)


def done(company_id: str = "acme") -> Outcome:
    return Outcome(company_id=company_id, result=Result.DONE)


@dataclass
class World:
    """A fleet's alerts, with servers that receive them."""

    http: HttpReceiver
    smtp: SmtpReceiver
    storage: Storage
    channels: list[dict[str, Any]]
    said: list[tuple[str, str, str, dict[str, object]]] = field(default_factory=list)
    is_stopped: bool = False

    def on_notice(self, company_id: str, severity: str, message: str, fields: Mapping[str, object]) -> None:
        """Show a line."""
        self.said.append((company_id, severity, message, dict(fields)))

    @property
    def environment(self) -> dict[str, str]:
        """The secrets of the channels."""
        return {
            "SLACK_URL": self.http.address + SECRET_PATH,
            "CHAT_URL": f"{self.http.address}/chat?key=s3cr3tchatkey",
            "HOOK_URL": f"{self.http.address}/hook/s3cr3thook",
            "PD_KEY": ROUTING_KEY,
            "SMTP_PASSWORD": PASSWORD,
        }

    def notifier(self, *, last_try: bool = True, seconds: float = 60) -> Notifier:
        """Make the notifier of one run."""
        deadline = Deadline(lambda: self.is_stopped, seconds)
        return Notifier(
            store=MemoryStore(self.storage, deadline),
            sender=Sender(SecretResolver(self.environment).read, deadline),
            screen=self,
            place=Place(environment="pro"),
            deadline=deadline,
            entries=parse_entries(self.channels, "`notify`", trusted=True),
            trusted=True,
            read_record=lambda _: CompanyRecord(),
            max_age=dt.timedelta(hours=8),
            is_last_try=last_try,
        )

    def run(self, *outcomes: Outcome, last_try: bool = True, own: list[dict[str, Any]] | None = None) -> None:
        """Tell how a run has ended."""
        companies = {
            outcome.company_id: parse_company(company_fields(outcome.company_id, notify=own or []), "here")
            for outcome in outcomes
        }
        self.notifier(last_try=last_try).tell(outcomes, companies)

    def problems(self) -> list[str]:
        """Return the lines about alerts that did not arrive."""
        return [message for _, _, message, _ in self.said if message.startswith("alerts: ")]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(post_module, "FIRST_PAUSE_SECONDS", 0.01)
    with run_http_receiver() as http, run_smtp_receiver() as smtp:
        channels: list[dict[str, Any]] = [
            {"kind": "slack", "url": "env:SLACK_URL"},
            {"kind": "google_chat", "url": "env:CHAT_URL"},
            {"kind": "webhook", "url": "env:HOOK_URL"},
            {"kind": "pagerduty", "routing_key": "env:PD_KEY", "url": f"{http.address}/v2/enqueue"},
            {
                "kind": "email",
                "host": "127.0.0.1",
                "port": smtp.port,
                "security": "none",
                "from": "etl@example.com",
                "to": ["a@example.com", "b@example.com"],
            },
        ]
        yield World(http, smtp, open_storage((tmp_path / "etl").as_uri()), channels)


def test_a_trouble_is_told_once_to_each_channel_and_its_end_once(world: World) -> None:
    for _ in range(3):
        world.run(failed(), done("beta"), Outcome(company_id="gamma", result=Result.BUSY))
    assert [body["text"] for body in world.http.bodies(SECRET_PATH)] == ["[pro] acme: failed"]
    assert len(world.http.bodies("/chat?key=s3cr3tchatkey")) == 1
    (hook,) = world.http.bodies("/hook/s3cr3thook")
    assert (hook["event"], hook["company"], hook["reason"]) == ("opened", "acme", "activities: 503")
    (trigger,) = world.http.bodies("/v2/enqueue")
    assert (trigger["event_action"], trigger["routing_key"]) == ("trigger", ROUTING_KEY)
    ((recipients, mail),) = world.smtp.received
    assert recipients == ["a@example.com", "b@example.com"]
    assert mail["Subject"] == "[pro] acme: failed"
    shown = [fields for _, severity, _, fields in world.said if severity == "ERROR"]
    assert [fields["trouble"] for fields in shown] == ["failed"]

    for _ in range(2):
        world.run(done(), done("beta"))
    assert [body["text"] for body in world.http.bodies(SECRET_PATH)][1:] == [
        "[pro] acme: over, up to date again (was: failed)"
    ]
    assert [body["event"] for body in world.http.bodies("/hook/s3cr3thook")] == ["opened", "over"]
    assert world.http.bodies("/v2/enqueue")[1:] == [
        {"routing_key": ROUTING_KEY, "event_action": "resolve", "dedup_key": trigger["dedup_key"]}
    ]
    assert len(world.http.bodies("/chat?key=s3cr3tchatkey")) == len(world.smtp.received) == 2
    assert world.problems() == []


CHANGED = Outcome(
    company_id="acme", result=Result.DONE, changes={"jobs": "new column moon_phase", "calls": "new column <b>"}
)


def test_a_change_of_the_source_is_told_once_and_pages_nobody(world: World) -> None:
    world.http.answers[SECRET_PATH] = [Answer(404)]
    world.run(CHANGED)
    (hook,) = world.http.bodies("/hook/s3cr3thook")
    assert (hook["event"], hook["kind"], hook["company"], hook["over"]) == ("notice", "schema_changed", "acme", None)
    assert hook["reason"] == "jobs: new column moon_phase; calls: new column <b>"
    assert hook["streams"] == ["jobs", "calls"]
    assert hook["runbook"].endswith("#schema-changed")
    ((_, mail),) = world.smtp.received
    assert mail["Subject"] == "[pro] acme: the source has changed its schema"
    assert world.http.bodies("/v2/enqueue") == []
    # It is no trouble: nothing on the screen that an alert looks for, and nothing to be over.
    assert [message for _, _, message, _ in world.said] == world.problems()
    for _ in range(2):
        world.run(done())
    (late,) = world.http.bodies(SECRET_PATH)  # what did not arrive is sent by the next run
    assert late["text"] == "[pro] acme: the source has changed its schema"
    assert len(world.http.bodies("/hook/s3cr3thook")) == len(world.smtp.received) == 1


def test_a_change_comes_beside_a_trouble_and_only_to_channels_that_want_it(world: World) -> None:
    world.channels = [
        {"kind": "webhook", "url": "env:HOOK_URL"},
        {"kind": "webhook", "url": "env:CHAT_URL", "on": ["failed"]},
        {"kind": "slack", "url": "env:SLACK_URL", "on": ["schema_changed"]},
        {"kind": "pagerduty", "routing_key": "env:PD_KEY", "on": ["schema_changed"]},
    ]
    world.run(replace(CHANGED, result=Result.FAILED, reason="activities: 503"))
    assert [body["event"] for body in world.http.bodies("/hook/s3cr3thook")] == ["opened", "notice"]
    assert [body["event"] for body in world.http.bodies("/chat?key=s3cr3tchatkey")] == ["opened"]
    assert [body["text"] for body in world.http.bodies(SECRET_PATH)] == [
        "[pro] acme: the source has changed its schema"
    ]
    (problem,) = world.problems()
    assert "schema_changed pages nobody" in problem


def test_a_channel_that_answers_with_errors_holds_up_no_other_and_is_told_by_the_next_run(world: World) -> None:
    world.http.answers[SECRET_PATH] = [Answer(500), Answer(429, {"Retry-After": "0"}), Answer(503)]
    world.http.answers["/hook/s3cr3thook"] = [Answer(503), Answer(302, {"Location": "/elsewhere"})]
    world.http.answers["/v2/enqueue"] = [Answer(500)]
    world.run(failed())
    assert world.problems() == [
        f"alerts: {channel}: it was not told: {why}. The next run tries again"
        for channel, why in (
            ("slack, entry 1 of `notify`", "answered 503, after 3 of 3 tries"),
            ("webhook, entry 3 of `notify`", "answered 302"),
        )
    ]
    assert len(world.http.bodies("/v2/enqueue")) == len(world.smtp.received) == 1
    world.run(failed())
    assert len(world.http.bodies(SECRET_PATH)) == len(world.http.bodies("/hook/s3cr3thook")) == 1
    assert len(world.http.bodies("/v2/enqueue")) == len(world.smtp.received) == 1


def test_no_secret_of_a_channel_is_shown_whatever_happens(
    world: World,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging, "_logRecordFactory", logging.getLogRecordFactory())  # restores it afterwards
    redaction.install()
    caplog.set_level("DEBUG")
    for path in (SECRET_PATH, "/chat?key=s3cr3tchatkey", "/hook/s3cr3thook", "/v2/enqueue"):
        world.http.answers[path] = [Answer(404)]
    world.run(failed())
    assert len(world.problems()) == 4
    world.channels += [
        {"kind": "slack", "url": "env:SMTP_PASSWORD"},  # a secret of another kind in place of an address
        {"kind": "pagerduty", "routing_key": "env:PD_KEY", "url": "http://127.0.0.1:9/v2"},
        {"kind": "webhook", "url": "env:NOT_SET"},
    ]
    world.smtp.refuses = True
    world.run(failed("beta"))
    assert len(world.problems()) == 8
    stored = [path.read_text() for path in Path(str(world.storage._folder)).glob("**/*.json")]  # type: ignore[attr-defined] # noqa: SLF001
    assert len(stored) == 2
    out, err = capfd.readouterr()
    shown = json.dumps(world.said)
    assert world.http.address not in shown
    assert "POST ***" in caplog.text
    for text in [*stored, out, err, caplog.text, shown]:
        assert not [secret for secret in ("s3cr3t", ROUTING_KEY) if secret in text], text


def test_of_two_tasks_at_once_one_tells(world: World) -> None:
    barrier = threading.Barrier(2)

    def task() -> None:
        barrier.wait()
        world.run(failed())

    threads = [threading.Thread(target=task) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(world.http.received) == 4
    assert len(world.smtp.received) == 1


def test_what_the_retry_of_the_task_may_heal_is_not_told_yet(world: World) -> None:
    world.run(failed(), last_try=False)
    assert world.http.received == []
    world.run(failed())
    assert len(world.http.received) == 4
    world.run(done(), last_try=False)
    assert len(world.http.received) == 8


def test_a_company_may_have_more_channels_and_a_channel_may_want_less(world: World) -> None:
    own = [{"kind": "webhook", "url": "env:CHAT_URL"}, {"kind": "webhook", "url": "a s3cr3t"}]
    world.channels = [{"kind": "webhook", "url": "env:HOOK_URL", "on": ["stale"]}]
    world.run(failed(), own=own)
    assert [path for path, _ in world.http.received] == ["/chat?key=s3cr3tchatkey"]
    (problem,) = world.problems()
    assert problem.startswith("alerts: entry 2 of `notify` of acme cannot be used: `url`: give a reference")


@pytest.mark.parametrize("name", ["beta", "company 7", "../../beta"])
def test_an_entry_of_the_registry_that_describes_no_company_is_told(name: str, world: World, tmp_path: Path) -> None:
    for _ in range(2):
        world.notifier().tell([failed(name, "`tenant_id`: digits, in quotes")], {})
    (body,) = world.http.bodies("/hook/s3cr3thook")
    assert (body["company"], body["kind"]) == (name, "unreadable")
    assert len(list((tmp_path / "etl" / "notify").glob("*.json"))) == 1


class BrokenStorage(Storage):
    """A storage that cannot be read, or that hangs."""

    def __init__(self, hangs: threading.Event | None = None) -> None:
        self.hangs = hangs

    @override
    def read(self, name: str) -> StoredObject:
        if self.hangs:
            self.hangs.wait(60)
            return NOTHING
        raise PluginError("cannot read gs://bucket/etl")

    @override
    def replace(self, name: str, content: bytes, generation: int) -> int:
        raise AssertionError

    @override
    def time(self) -> StorageTime:
        raise AssertionError

    @override
    def remove_old(self, folder: str, age: dt.timedelta) -> None:
        raise AssertionError

    @override
    def check(self) -> None:
        raise AssertionError


@pytest.mark.parametrize("trouble", ["is broken", "hangs"])
def test_people_are_told_although_the_storage_is_no_use(
    trouble: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "LONGEST_SECONDS", 0.2)
    end = threading.Event()
    world.storage = BrokenStorage(end if trouble == "hangs" else None)
    world.run(failed())
    end.set()
    assert len(world.http.received) == 4
    (problem,) = world.problems()
    assert "so it may be told twice: " in problem


def test_a_stopped_run_does_not_wait_for_a_channel_that_hangs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline_module, "SECONDS_AFTER_STOP", 1.0)
    end = threading.Event()
    world.http.answers[SECRET_PATH] = [Answer(wait=end)] * 3
    world.is_stopped = True
    world.run(failed())
    end.set()
    assert world.problems()


def test_a_mail_goes_over_an_encrypted_connection_with_a_login(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with run_smtp_receiver(certificate) as smtp:
        mail = {**world.channels[4], "port": smtp.port, "user": "etl", "password": "env:SMTP_PASSWORD"}
        world.channels = [{**mail, "security": "starttls"}]
        world.run(failed())
        assert world.problems() == []
        assert [encrypted for _, encrypted in smtp.logins] == [True]
        assert len(smtp.received) == 1
        monkeypatch.delenv("SSL_CERT_FILE")  # a server that is not who it says it is gets no password
        world.run(failed("beta"))
        assert len(smtp.logins) == len(smtp.received) == 1
        assert "SSLCertVerificationError" in world.problems()[0]


def make_certificate(folder: Path) -> Path:
    """Make a certificate for 127.0.0.1, in one file with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


def write_registry(world: World, folder: Path) -> str:
    """Write a registry with one company, whose secret is not set, and return the option that names it."""
    registry = {"notify": world.channels, "companies": [company_fields("acme")]}
    (folder / "companies.yml").write_text(json.dumps(registry))  # JSON is YAML
    return f"--companies={folder / 'companies.yml'}"


def run_fleet(world: World, folder: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `orchestrate-etl run` in a process of its own."""
    machine = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    places = (f"--storage={(folder / 'etl').as_uri()}", f"--work-folder={folder / 'work'}")
    return subprocess.run(
        [ORCHESTRATE_ETL, "run", write_registry(world, folder), *places, *options],
        env={**machine, **world.environment, "ETL_TRUST_REGISTRY": "true", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_a_run_tells_at_its_end(world: World, tmp_path: Path) -> None:
    dry = run_fleet(world, tmp_path, "--dry-run")
    assert (dry.returncode, world.http.tries) == (1, []), dry.stdout

    own = json.dumps([{"kind": "webhook", "url": "env:CHAT_URL"}])
    cloud = {"CLOUD_RUN_JOB": "etl", "CLOUD_RUN_EXECUTION": "etl-x7k2", "ETL_PROJECT_ID": "fleet", "ETL_NOTIFY": own}
    first = run_fleet(world, tmp_path, **cloud, ETL_RUNBOOK_URL="https://wiki.example.com/etl")
    assert first.returncode == 1, first.stdout
    (hook,) = world.http.bodies("/hook/s3cr3thook")
    assert hook["reason"] == "acme: secret `client_id`: the environment variable MISSING_S3CRET is not set"
    assert hook["runbook"] == "https://wiki.example.com/etl#failed"
    assert hook["logs"].endswith("?project=fleet")
    assert len(world.http.bodies("/chat?key=s3cr3tchatkey")) == 2  # as Chat, and as the webhook of ETL_NOTIFY
    lines = [json.loads(line) for line in first.stdout.splitlines()]
    (line,) = [line for line in lines if "trouble" in line]
    assert (line["severity"], line["company"], line["trouble"], line["logs"]) == (
        "ERROR",
        "acme",
        "failed",
        hook["logs"],
    )
    assert list(lines[-1]["companies"]) == ["acme"]

    again = run_fleet(world, tmp_path, **cloud)
    assert again.returncode == 1
    assert len(world.http.bodies("/hook/s3cr3thook")) == 1
    assert "s3cr3t" not in first.stdout + again.stdout + dry.stdout


def test_the_channels_can_be_shown_and_tried(world: World, tmp_path: Path) -> None:
    def call(*options: str) -> Done:
        return CliRunner().invoke(
            notify, [write_registry(world, tmp_path), "--trust-registry", *options], env=world.environment
        )

    shown = call()
    assert (shown.exit_code, world.http.tries) == (0, []), shown.output
    names = ["slack", "google_chat", "webhook", "pagerduty", "email"]
    labels = [f"{name}, entry {number} of `notify`" for number, name in enumerate(names, 1)]
    assert shown.output.splitlines() == [f"{label}: ok" for label in labels]

    tried = call("--test", "--environment=pro")
    assert tried.exit_code == 0, tried.output
    assert tried.output.splitlines() == [f"{label}: arrived" for label in labels]
    assert world.http.bodies(SECRET_PATH)[0]["text"] == "[pro] A test of the alerts: nothing is wrong"
    assert [body["event_action"] for body in world.http.bodies("/v2/enqueue")] == ["trigger", "resolve"]
    assert len(world.smtp.received) == 1

    world.http.answers[SECRET_PATH] = [Answer(404)]
    half = call("--test")
    assert half.exit_code == 1
    assert half.output.splitlines()[:2] == [f"{labels[0]}: answered 404", f"{labels[1]}: arrived"]

    world.channels = []
    assert "no channel for alerts is set" in str(call("--test").exception)


def test_a_run_that_took_long_leaves_time_for_its_alerts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = time.monotonic() - 7200
    with monkeypatch.context() as patched:
        patched.setattr(time, "monotonic", lambda: begun)
        notifier = world.notifier()
    notifier.tell([failed()], {})
    assert not world.problems()
    assert len(world.http.received) == 4


@pytest.mark.parametrize("address", ["etl@example.com.", "a@["])
def test_an_odd_address_keeps_no_other_channel_from_being_told(world: World, address: str) -> None:
    mail = world.channels.pop()
    world.channels.insert(0, {**mail, "to": [address]})
    world.run(failed())
    assert len(world.http.received) == 4
    assert len(world.problems()) == 1
