"""What is remembered of troubles: each is told once, and its end once, whatever fails in between."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace

import pytest

from servicetitan_fleet.notify.memory import (
    CLAIM_LIFETIME,
    Memory,
    Telling,
    claim_tellings,
    load_memory,
    see_good_run,
    see_notice,
    see_trouble,
    settle_tellings,
)
from servicetitan_fleet.notify.trouble import Trouble, TroubleKind

NOW = dt.datetime(2026, 11, 29, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
FAILED = Trouble(kind=TroubleKind.FAILED, reason="activities: 503")
STALE = Trouble(kind=TroubleKind.STALE, reason="9 h", since=NOW - 9 * HOUR)
CHANGED = Trouble(kind=TroubleKind.SCHEMA_CHANGED, reason="jobs: new column moon", streams=("jobs",))
CHANNELS = ("slack", "mail")


class Fleet:
    """A memory and what was sent, as a run makes them."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.now = NOW
        self.sent: list[tuple[str, str, bool]] = []
        self.deaf: set[str] = set()
        self.only: dict[str, str] = {}

    def claim(self, ended: Trouble | str) -> list[Telling]:
        """See how a run ended, and claim the messages: a trouble, `good`, or `busy`."""
        self.now += HOUR
        if isinstance(ended, Trouble) and ended.kind.is_notice:
            self.memory = see_notice(self.memory, ended, "https://logs", self.now)
        elif isinstance(ended, Trouble):
            self.memory = see_trouble(self.memory, ended, "https://logs", self.now)
        elif ended == "good":
            self.memory = see_good_run(self.memory, self.now)
        self.memory, tellings = claim_tellings(self.memory, CHANNELS, self.wants, self.now)
        return tellings

    def wants(self, channel: str, kind: str) -> bool:
        """Return whether a channel wants to know of a kind of trouble."""
        return self.only.get(channel, kind) == kind

    def settle(self, tellings: list[Telling]) -> None:
        """Send the messages, and note which have arrived."""
        results = {telling: telling.channel not in self.deaf for telling in tellings}
        self.sent += [(one.channel, one.trouble.kind, one.is_over) for one, arrived in results.items() if arrived]
        self.memory = settle_tellings(self.memory, results, CHANNELS, self.wants, self.now)

    def run(self, ended: Trouble | str) -> list[tuple[str, str, bool]]:
        """Run to the end, and return what was sent."""
        before = len(self.sent)
        self.settle(self.claim(ended))
        return self.sent[before:]


OPENED = [("slack", "failed", False), ("mail", "failed", False)]
OVER = [("slack", "failed", True), ("mail", "failed", True)]


def test_a_trouble_is_told_once_and_its_end_once() -> None:
    fleet = Fleet()
    assert fleet.run("good") == []
    assert fleet.run(FAILED) == OPENED
    assert fleet.run(FAILED) == []
    assert fleet.run("busy") == []
    assert fleet.run("good") == OVER
    assert fleet.memory.troubles == ()
    assert fleet.run("good") == []
    assert fleet.run(FAILED) == OPENED


def test_its_beginning_is_when_it_was_first_seen() -> None:
    fleet = Fleet()
    fleet.run(FAILED)
    fleet.run(FAILED)
    fleet.run(STALE)
    assert [trouble.since for trouble in fleet.memory.troubles] == [NOW + HOUR, STALE.since]


def test_what_did_not_arrive_is_sent_by_the_next_run() -> None:
    fleet = Fleet()
    fleet.deaf = {"mail"}
    assert fleet.run(FAILED) == OPENED[:1]
    assert fleet.run("busy") == []
    fleet.deaf = set()
    assert fleet.run("busy") == OPENED[1:]
    fleet.deaf = {"slack"}
    assert fleet.run("good") == OVER[1:]
    fleet.deaf = set()
    assert fleet.run("good") == OVER[:1]
    assert fleet.memory.troubles == ()


def test_nobody_hears_of_the_end_of_what_nobody_was_told() -> None:
    fleet = Fleet()
    fleet.deaf = {"slack", "mail"}
    assert fleet.run(FAILED) == []
    fleet.deaf = set()
    assert fleet.run("good") == []
    assert fleet.memory.troubles == ()


def test_a_trouble_that_comes_back_before_its_end_was_told_is_told_to_those_who_think_it_is_over() -> None:
    fleet = Fleet()
    fleet.run(FAILED)
    fleet.deaf = {"mail"}
    assert fleet.run("good") == OVER[:1]
    fleet.deaf = set()
    assert fleet.run(FAILED) == OPENED[:1]


def test_a_channel_is_told_only_of_the_kinds_that_it_wants() -> None:
    fleet = Fleet()
    fleet.only = {"slack": "stale"}
    assert fleet.run(FAILED) == OPENED[1:]
    assert fleet.run(STALE) == [("slack", "stale", False), ("mail", "stale", False)]
    assert sorted(fleet.run("good")) == sorted([OVER[1], ("slack", "stale", True), ("mail", "stale", True)])


def test_of_two_processes_one_sends() -> None:
    fleet = Fleet()
    first = fleet.claim(FAILED)
    fleet.now -= HOUR
    assert fleet.claim(FAILED) == []
    fleet.settle(first)
    assert fleet.run(FAILED) == []


def test_what_a_dead_process_had_claimed_is_sent_when_its_claim_has_ended() -> None:
    fleet = Fleet()
    assert CLAIM_LIFETIME < HOUR
    assert len(fleet.claim(FAILED)) == 2
    assert fleet.run("busy") == OPENED


def test_a_good_run_while_another_process_sends_is_told_afterwards() -> None:
    fleet = Fleet()
    late = fleet.claim(FAILED)
    fleet.now -= HOUR
    assert fleet.run("good") == []
    fleet.settle(late)
    assert fleet.run("good") == OVER


def test_a_channel_that_is_no_longer_set_holds_nothing_back() -> None:
    fleet = Fleet()
    fleet.run(FAILED)
    memory, tellings = claim_tellings(see_good_run(fleet.memory, fleet.now), ["chat"], lambda *_: True, fleet.now)
    assert tellings == []
    assert memory.troubles == ()


NOTICED = [("slack", "schema_changed", False), ("mail", "schema_changed", False)]


def test_a_notice_is_told_once_and_is_never_over() -> None:
    fleet = Fleet()
    fleet.deaf = {"mail"}
    assert fleet.run(CHANGED) == NOTICED[:1]
    fleet.deaf = set()
    assert fleet.run("good") == NOTICED[1:]
    assert fleet.memory == Memory()
    assert fleet.run("good") == []
    fleet.only = {"slack": "stale", "mail": "stale"}
    assert fleet.run(CHANGED) == []
    assert fleet.memory == Memory()


def test_of_two_processes_one_sends_a_notice_and_the_other_keeps_what_did_not_arrive() -> None:
    fleet = Fleet()
    first = fleet.claim(CHANGED)
    fleet.now -= HOUR
    assert fleet.claim(CHANGED) == []
    fleet.deaf = {"slack"}
    fleet.settle(first)
    fleet.deaf = set()
    assert fleet.run("busy") == NOTICED[:1]


def test_notices_that_reach_nobody_push_out_no_trouble() -> None:
    fleet = Fleet()
    fleet.run(FAILED)
    fleet.deaf = set(CHANNELS)
    for number in range(50):
        fleet.run(replace(CHANGED, reason=f"jobs: new column field{number}"))
    assert [notice.reason[-2:] for notice in fleet.memory.notices] == [str(number) for number in range(40, 50)]
    fleet.deaf = set()
    assert fleet.run("good")[:2] == OVER


def test_a_memory_that_cannot_be_read_is_forgotten() -> None:
    assert load_memory(b"") == load_memory(b"{") == load_memory(b'{"troubles": 1}') == Memory()


@pytest.mark.parametrize("seed", range(30))
def test_whatever_happens_no_channel_is_told_twice_or_hears_of_an_end_first(seed: int) -> None:
    chance = random.Random(seed)
    fleet = Fleet()
    for _ in range(60):
        fleet.deaf = {channel for channel in CHANNELS if chance.random() < 0.3}
        ends: list[Trouble | str] = [FAILED, STALE, CHANGED, "good", "busy"]
        tellings = fleet.claim(chance.choice(ends))
        if chance.random() < 0.9:  # else it dies before it has sent anything
            fleet.settle(tellings)
    fleet.deaf = set()
    fleet.run("good")
    fleet.run("good")
    assert fleet.memory == Memory()
    for channel in CHANNELS:
        for kind in ("failed", "stale"):
            told = [is_over for found, of, is_over in fleet.sent if (found, of) == (channel, kind)]
            assert told == [bool(number % 2) for number in range(len(told))]
            assert len(told) % 2 == 0
