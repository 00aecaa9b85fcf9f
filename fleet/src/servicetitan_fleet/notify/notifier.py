"""Tells people at the end of a run: once for each trouble, and once when it is over."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from servicetitan_fleet.notify.channels import Entry, company_entries, distinct
from servicetitan_fleet.notify.memory import (
    Memory,
    Telling,
    claim_tellings,
    see_good_run,
    see_notice,
    see_trouble,
    settle_tellings,
)
from servicetitan_fleet.notify.message import Event, Message
from servicetitan_fleet.notify.store import LONGEST_SECONDS
from servicetitan_fleet.notify.trouble import Trouble, TroubleKind, find_schema_change, find_staleness, needs_person
from servicetitan_fleet.notify.workers import do_each
from servicetitan_fleet.plugin_runtime.clock import utc_now
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.redaction import to_line

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

    from servicetitan_fleet.fleet.outcome import Outcome
    from servicetitan_fleet.notify.deadline import Deadline
    from servicetitan_fleet.notify.place import Place
    from servicetitan_fleet.notify.sender import Sender
    from servicetitan_fleet.notify.store import MemoryStore
    from servicetitan_fleet.registry.company import Company
    from servicetitan_fleet.state.company_record import CompanyRecord

SCREEN = "screen"
"""Key of the channel that is always there: the lines of the run itself, for alerts that read logs."""


class Screen(Protocol):
    """Shows what the notifier has to say."""

    def on_notice(self, company_id: str, severity: str, message: str, fields: Mapping[str, object]) -> None:
        """Show a line about a company; an empty id: about all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifier:
    """Tells people how the companies of a run have ended."""

    store: MemoryStore
    sender: Sender
    screen: Screen
    place: Place
    deadline: Deadline
    entries: Sequence[Entry]
    """The channels for all companies."""

    trusted: bool
    """Whether the registry may have any setting."""

    read_record: Callable[[str], CompanyRecord]
    """Reads the record of a company."""

    max_age: dt.timedelta
    """Older data is stale."""

    is_last_try: bool = True
    """Whether nothing repeats this run in a moment. If something does, it may heal a trouble, so none is begun."""

    def tell(self, outcomes: Sequence[Outcome], companies: Mapping[str, Company]) -> None:
        """Tell what is to be told about the outcomes of a run. It returns at the deadline, and never raises.

        Args:
            outcomes: How the companies' runs have ended.
            companies: Those companies that could be read, by id.
        """
        self.deadline.start()
        for entry in self.entries:
            self._say_problem(entry, "")
        if not do_each(
            outcomes, lambda outcome: self._tell_safely(outcome, companies.get(outcome.company_id)), self.deadline
        ):
            self.say("", "WARNING", "alerts: there was not enough time to send all; the next run does", {})

    def say(self, company_id: str, severity: str, message: str, fields: Mapping[str, object]) -> None:
        """Show a line. An output that cannot be written keeps nobody from being told."""
        with contextlib.suppress(Exception):
            self.screen.on_notice(company_id, severity, message, fields)

    def _tell_safely(self, outcome: Outcome, company: Company | None) -> None:
        try:
            self._tell_company(outcome, company)
        except Exception as error:  # noqa: BLE001 - an alert that fails must not fail the run
            reason = to_line(f"alerts: unexpected {type(error).__name__}: {error}")
            self.say(outcome.company_id, "ERROR", reason, {})

    def _tell_company(self, outcome: Outcome, company: Company | None) -> None:
        own = company_entries(company, trusted=self.trusted) if company else []
        for entry in own:
            self._say_problem(entry, outcome.company_id)
        channels = {
            SCREEN: Entry(SCREEN, None),
            **{entry.channel.key: entry for entry in distinct([*self.entries, *own]) if entry.channel},
        }
        telling = _CompanyTelling(self, outcome.company_id, company.company_name if company else "", channels)
        telling.run(self._find_trouble(outcome, company), find_schema_change(outcome), is_good=outcome.result.is_good)

    def _find_trouble(self, outcome: Outcome, company: Company | None) -> Trouble | None:
        if outcome.result.is_good or not self.is_last_try:
            return None
        if trouble := needs_person(outcome):
            # An outcome without a company is that of an entry which describes none.
            return trouble if company else replace(trouble, kind=TroubleKind.UNREADABLE)
        try:
            record = self.deadline.call(lambda: self.read_record(outcome.company_id), LONGEST_SECONDS)
        except PluginError:
            return None  # the run itself has said that its record cannot be read
        return find_staleness(outcome, record, utc_now(), self.max_age)

    def _say_problem(self, entry: Entry, company_id: str) -> None:
        if entry.problem:
            self.say(company_id, "ERROR", f"alerts: {entry.label} cannot be used: {entry.problem}", {})


class _CompanyTelling:
    """Tells what is to be told about one company."""

    def __init__(self, notifier: Notifier, company_id: str, name: str, channels: Mapping[str, Entry]) -> None:
        self._notifier = notifier
        self._company_id = company_id
        self._name = name
        self._channels = channels

    def run(self, trouble: Trouble | None, notice: Trouble | None, *, is_good: bool) -> None:
        """Claim the messages, send them, and note which have arrived."""
        claimed: list[Telling] = []

        def see(memory: Memory) -> Memory:
            nonlocal claimed
            seen, claimed = self._see(memory, trouble, notice, is_good=is_good)
            return seen

        store = self._notifier.store
        try:
            store.update(self._company_id, see)
        except PluginError as error:
            self._warn(f"alerts: what was told before cannot be read or noted, so it may be told twice: {error}")
            _, claimed = self._see(Memory(), trouble, notice, is_good=is_good)
            self._send_all(claimed)
            return
        if not claimed:
            return
        results = self._send_all(claimed)
        try:
            store.update(
                self._company_id,
                lambda memory: settle_tellings(memory, results, self._channels.keys(), self._wants, utc_now()),
            )
        except PluginError as error:
            self._warn(f"alerts: it cannot be noted what was told, so it may be told twice: {error}")

    def _see(
        self, memory: Memory, trouble: Trouble | None, notice: Trouble | None, *, is_good: bool
    ) -> tuple[Memory, list[Telling]]:
        now, logs = utc_now(), self._notifier.place.logs_link(self._company_id)
        if trouble:
            memory = see_trouble(memory, trouble, logs, now)
        elif is_good:
            memory = see_good_run(memory, now)
        if notice:
            memory = see_notice(memory, notice, logs, now)
        return claim_tellings(memory, self._channels.keys(), self._wants, now)

    def _wants(self, key: str, kind: TroubleKind) -> bool:
        channel = self._channels[key].channel
        # The run itself has shown each notice, stream by stream.
        return channel.wants(kind) if channel else not kind.is_notice

    def _send_all(self, tellings: Sequence[Telling]) -> dict[Telling, bool]:
        """Send messages, and return which have arrived. What is over goes to a channel in one message."""
        results: dict[Telling, bool] = {}
        for key in dict.fromkeys(telling.channel for telling in tellings):
            due = [telling for telling in tellings if telling.channel == key]
            over = [telling for telling in due if telling.is_over]
            for batch in ([over] if over else []) + [[telling] for telling in due if not telling.is_over]:
                results |= dict.fromkeys(batch, self._send(key, batch))
        return results

    def _send(self, key: str, batch: Sequence[Telling]) -> bool:
        message = Message(
            event=_event_of(batch[0]),
            place=self._notifier.place,
            company_id=self._company_id,
            company_name=self._name,
            troubles=[telling.trouble for telling in batch],
        )
        entry = self._channels[key]
        if entry.channel is None:
            self._show(message)
            return True
        try:
            self._notifier.sender.send(entry.channel, message)
        except PluginError as error:
            again = "it was not told that it is over" if message.event is Event.OVER else "it was not told"
            self._warn(f"alerts: {entry.label}: {again}: {error}. The next run tries again")
            return False
        return True

    def _show(self, message: Message) -> None:
        """Show a message on the screen, with the fields that the alerts of `deploy/alerts` look for."""
        for trouble in message.troubles:
            name = "trouble" if message.event is Event.OPENED else "trouble_over"
            fields = {
                name: trouble.kind,
                "reason": trouble.reason,
                "since": trouble.since.isoformat(),
                "runbook": message.place.runbook_link(trouble.kind),
                "logs": trouble.logs,
            }
            if message.event is Event.OPENED:
                text, severity = f"needs a person: {trouble.kind.words}: {trouble.reason}", "ERROR"
            else:
                text, severity = f"over: {trouble.kind.words}: {trouble.reason}", "NOTICE"
            self._notifier.say(self._company_id, severity, text, fields)

    def _warn(self, text: str) -> None:
        self._notifier.say(self._company_id, "ERROR", to_line(text), {})


def _event_of(telling: Telling) -> Event:
    if telling.trouble.kind.is_notice:
        return Event.NOTICE
    return Event.OVER if telling.is_over else Event.OPENED
