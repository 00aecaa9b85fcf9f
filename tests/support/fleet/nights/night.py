"""A night: executions, tasks and attempts over a registry that changes, and what must be true of it."""

from __future__ import annotations

import datetime as dt
import random
import threading
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec

from servicetitan_fleet.cli.plan import companies_of_task
from servicetitan_fleet.fleet.fleet import Fleet
from servicetitan_fleet.fleet.outcome import Ending, Result, StreamEnding
from servicetitan_fleet.fleet.verdict import AuditLog
from servicetitan_fleet.meltano.process import GRACE_SECONDS, EndedBy, ProcessExit
from servicetitan_fleet.registry.company import parse_company
from servicetitan_fleet.registry.entries import Entries
from servicetitan_fleet.state.claims import Claims
from servicetitan_fleet.state.company_record import CompanyRecord, RunRecord, RunStatus, dump_record, load_record
from servicetitan_fleet.state.execution import Execution
from servicetitan_fleet.state.execution_plan import ExecutionPlan
from servicetitan_fleet.state.storage import StoredObject
from support.fleet.nights.storage import Link, Server
from support.fleet.nights.world import MIDNIGHT, Machine, World

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from servicetitan_fleet.fleet.outcome import Outcome
    from servicetitan_fleet.registry.company import Company

POLL_SECONDS = 2.0
UNREADABLE = b'{"runs": [{"exec'
_DAMAGED = "companies/damaged.json"


@dataclass(frozen=True)
class Ended:
    """How one attempt of a task ended. `code` is None if it was killed."""

    execution: str
    task: int
    code: int | None
    outcomes: tuple[Outcome, ...]


class FakeMeltano:
    """Takes the place of `CompanyMeltano`: a process that takes virtual seconds and ends somehow."""

    def __init__(self, *, company: Company, context: Any, **_: object) -> None:  # noqa: ANN401 - a stand-in
        self._company_id = company.company_id
        self._at = context.at

    def run(self, _: Sequence[str], *, should_stop: Callable[[], bool], **__: object) -> ProcessExit:
        """Take some time, unless it is stopped or its machine dies."""
        night, execution = self._at.night, self._at.execution
        night.begin(self._company_id)
        try:
            end = self._live(should_stop)
            if end == ProcessExit(0, EndedBy.ITSELF):
                night.truly_done.add((execution, self._company_id))
            return end
        finally:
            night.running.remove(self._company_id)

    def _live(self, should_stop: Callable[[], bool]) -> ProcessExit:
        world, dice = self._at.night.world, self._at.night.dice
        code = dice.choices((0, 1, -9), (8, 1, 1))[0] if self._at.night.is_rough else 0
        until = world.now + dice.uniform(20, 600)
        while world.now < until:
            world.sleep(POLL_SECONDS)
            if should_stop():
                world.sleep(dice.uniform(0, GRACE_SECONDS))
                return ProcessExit(0, EndedBy.STOP)
        return ProcessExit(code, EndedBy.ITSELF)


@dataclass
class Night:
    """A night, drawn from a seed.

    Attributes:
        problems: What was not as it must be.
        truly_done: Executions and companies of which a process ended well, as that process knows.
    """

    seed: int
    problems: list[str] = field(default_factory=list)
    truly_done: set[tuple[str, str]] = field(default_factory=set)
    running: list[str] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    is_rough: bool = True

    def __post_init__(self) -> None:
        """Draw the companies, the clocks and the troubles."""
        self.dice = dice = random.Random(self.seed)
        self.world = World()
        self.server = Server(dice, is_bucket=dice.random() < 0.7)
        self.registry = {f"co-{number}": make_company(f"co-{number}") for number in range(dice.randint(2, 6))}
        self.disturbed: set[str] = set()
        """Companies that were not in the registry, or not enabled, for a part of the night."""

    def play(self) -> None:
        """Play the night and the morning after it, and check what must be true."""
        dice = self.dice
        for company_id in self.registry:
            self._add_earlier_run(company_id)
        self._draw_trouble()
        self.server.haste = dice.choice((0.1, 1.0))
        self._cloud_run("night", dice.randint(1, 4), attempts=dice.randint(1, 3), spread=dice.choice((2, 200)))
        if dice.random() < 0.4:
            self._cloud_run(
                "second", dice.randint(1, 3), attempts=dice.choice((2, 15, 60)), spread=dice.uniform(2, 600)
            )
        for _ in range(dice.choice((0, 1, 2, 4, 6))):
            self.world.start(self._edit_registry, after=dice.uniform(0, 600))
        self.world.run()
        self._check("night")
        self._check("second")
        self._play_morning()
        if self.running:
            self.problems.append(f"still running: {self.running}")

    def draw_cut(self) -> tuple[float, float]:
        """Return when a machine that starts now is cut off from the storage."""
        if not self.is_rough or self.dice.random() < 0.6:
            return (0.0, 0.0)
        begin = self.world.now + self.dice.uniform(0, 300)
        return (begin, begin + self.dice.uniform(60, 500))

    def begin(self, company_id: str) -> None:
        """Note that a company's process begins."""
        if company_id in self.running:
            self.problems.append(f"{self.world.now:.0f} s: {company_id} runs twice at the same time")
        self.running.append(company_id)

    def _draw_trouble(self) -> None:
        dice = self.dice
        if dice.random() < 0.3:
            self.registry["damaged"] = make_company("damaged")
            self.server.objects[_DAMAGED] = StoredObject(UNREADABLE, 1)
        if dice.random() < 0.7:
            begins = [dice.uniform(0, 900) for _ in range(dice.randint(1, 3))]
            self.server.trouble = [(begin, begin + dice.uniform(30, 500)) for begin in begins]
            self.server.fault_rate = dice.choice((0.1, 0.4, 1.0))

    def _add_earlier_run(self, company_id: str) -> None:
        started = MIDNIGHT - dt.timedelta(hours=6)
        ended = started + dt.timedelta(seconds=self.dice.uniform(20, 400))
        run = RunRecord(execution="evening", started=started, ended=ended, status=RunStatus.DONE)
        self.server.objects[f"companies/{company_id}.json"] = StoredObject(
            dump_record(CompanyRecord(runs=(run,))), self.dice.randint(1, 9)
        )
        self.truly_done.add(("evening", company_id))

    def _play_morning(self) -> None:
        """Six hours later, without any trouble, everything is brought up to date."""
        self.world.now += 6 * 3600
        self.server.trouble, self.is_rough = [], False
        self._cloud_run("morning", self.dice.randint(1, 3), attempts=1, spread=2)
        self.world.run()
        self._check("morning")
        for company in self.registry.values():
            is_done = ("morning", company.company_id) in self.truly_done
            if is_done != (company.enabled and company.company_id != "damaged"):
                self.problems.append(f"morning: {company.company_id} is done: {is_done}")
        if "damaged" in self.registry and self.server.objects[_DAMAGED].content != UNREADABLE:
            self.problems.append("the unreadable record was overwritten")

    def _cloud_run(self, name: str, tasks: int, *, attempts: int, spread: float) -> None:
        """Run an execution as Cloud Run does: its tasks begin at different times, and are retried when they fail."""
        for task in range(tasks):

            def supervise(task: int = task) -> None:
                for attempt in range(attempts):
                    execution = Execution(name=name, task=task, tasks=tasks, attempt=attempt)
                    if self._run_attempt(execution) == 0:
                        return
                    self.world.sleep(self.dice.uniform(1, 30) * self.server.haste)

            self.world.start(supervise, after=self.dice.uniform(0, spread))

    def _run_attempt(self, execution: Execution) -> int | None:
        skew = self.dice.choice((0, 5, -5, 120, -120, 4000, -4000)) if self.server.is_bucket else 0
        machine = Machine(self.world, skew)
        attempt = Attempt(self, machine, execution)
        self.world.start(attempt.run, machine)
        dies_at = self.world.now + (self.dice.uniform(0, 700) if self.is_rough and self.dice.random() < 0.4 else 1e9)
        self.world.sleep(dies_at - self.world.now, attempt.ended)
        if attempt.code is None and self.dice.random() < 0.3:
            attempt.stop()
            self.world.sleep(10)
        machine.is_dead = attempt.code is None
        self.world.sleep(0)  # its threads end
        self.ended.append(Ended(execution.name, execution.task, attempt.code, tuple(attempt.outcomes)))
        return attempt.code

    def _edit_registry(self) -> None:
        dice = self.dice
        kind = dice.choice(("disable", "remove", "add")) if self.registry else "add"
        company_id = dice.choice(sorted(self.registry) or [""])
        if kind == "add":
            company_id = f"new-{len(self.registry)}"
            self.registry[company_id] = make_company(company_id)
        elif kind == "remove" and company_id != "damaged":
            del self.registry[company_id]
        else:
            self.registry[company_id] = make_company(company_id, enabled=False)
        self.disturbed.add(company_id)

    def _check(self, execution: str) -> None:
        last = {ended.task: ended for ended in self.ended if ended.execution == execution}
        everyone = {company_id for company_id in self.registry if company_id not in self.disturbed}
        undone = {company_id for company_id in everyone if (execution, company_id) not in self.truly_done}
        if last and undone and all(ended.code == 0 for ended in last.values()):
            self.problems.append(f"{execution}: all tasks end with 0, but {sorted(undone)} are not done")
        known = {
            outcome.company_id for ended in self.ended if ended.execution == execution for outcome in ended.outcomes
        }
        if last and all(ended.outcomes and ended.code is not None for ended in last.values()) and not everyone <= known:
            self.problems.append(f"{execution}: no task knows {sorted(everyone - known)}")
        for ended in (ended for ended in self.ended if ended.execution == execution):
            self._check_outcomes(ended)
            if ended.code == 0:
                self._check_list(ended)
        done = [
            outcome.company_id
            for ended in self.ended
            for outcome in ended.outcomes
            if ended.execution == execution and outcome.result is Result.DONE
        ]
        if len(done) != len(set(done)):
            self.problems.append(f"{execution}: companies are done twice: {sorted(done)}")
        self._check_records()

    def _check_list(self, ended: Ended) -> None:
        """Check that a task which ends with 0 has brought all companies of its list up to date."""
        plan = msgspec.json.decode(self.server.read(f"executions/{ended.execution}.json").content, type=ExecutionPlan)
        for company_id in plan.tasks[ended.task]:
            if (ended.execution, company_id) not in self.truly_done:
                self.problems.append(f"{ended.execution}: task {ended.task} ends with 0 without {company_id}")

    def _check_outcomes(self, ended: Ended) -> None:
        for outcome in ended.outcomes:
            if outcome.result.is_good and (ended.execution, outcome.company_id) not in self.truly_done:
                self.problems.append(f"{ended.execution}: {outcome} is not true")
            if outcome.result.is_good and outcome.company_id == "damaged":
                self.problems.append(f"{ended.execution}: {outcome} has no record")
        if ended.code == 0 and not all(outcome.result.is_good for outcome in ended.outcomes):
            self.problems.append(f"{ended.execution}: task {ended.task} ends with 0: {ended.outcomes}")

    def _check_records(self) -> None:
        done = set()
        for name, stored in self.server.objects.items():
            if name.startswith("companies/") and stored.content != UNREADABLE:
                company_id = name.removeprefix("companies/").removesuffix(".json")
                runs = load_record(stored.content).runs
                done |= {(run.execution, company_id) for run in runs if run.status is RunStatus.DONE}
        self.problems += [f"{pair} is recorded as done, but is not" for pair in sorted(done - self.truly_done)]
        reported = {
            (ended.execution, outcome.company_id)
            for ended in self.ended
            for outcome in ended.outcomes
            if outcome.result.is_good
        }
        self.problems += [f"{pair} is reported as done, but not recorded" for pair in sorted(reported - done)]


class Attempt:
    """One attempt of a task: what the command `run` does, with threads of the virtual world."""

    def __init__(self, night: Night, machine: Machine, execution: Execution) -> None:
        """Prepare the attempt."""
        self.night = night
        self.execution = execution.name
        self.code: int | None = None
        self.ended = threading.Event()
        self.outcomes: list[Outcome] = []
        self._machine = machine
        self._storage = Link(night.server, machine, night.draw_cut())
        self._claims = Claims(self._storage, execution, machine)
        self._own = execution
        context: Any = SimpleNamespace(dry_run=False, resolver=self, at=self, project=None)
        reporter: Any = SimpleNamespace(on_start=_ignore, on_end=_ignore, on_log_line=_ignore)
        self._fleet = Fleet(context, execution, self._claims, reporter, read_success, timeout_minutes=120)

    def stop(self) -> None:
        """Do what SIGTERM does."""
        self._fleet.stop()

    def resolve(self, _: Company) -> dict[str, str]:
        """Read the secrets, which may take long."""
        dice = self.night.dice
        self.night.world.sleep(
            dice.uniform(0, 400) if dice.random() < 0.1 else dice.uniform(0, 2) * self.night.server.haste
        )
        return {}

    def run(self) -> None:
        """Do what the command does, and end."""
        self.code = self._run()
        self.ended.set()

    def _run(self) -> int:
        """Run the companies of the task, two at a time, and return the exit code."""
        self.night.world.sleep(self.night.dice.uniform(0, 20) * self.night.server.haste)
        registered = Entries(companies=list(self.night.registry.values()))
        try:
            task = companies_of_task(registered, (), self._storage, self._claims, self._own)
        except Exception:  # noqa: BLE001 - it ends with a line and exit code 1, or a traceback
            return 1
        waiting, all_ended = list(task.companies), threading.Event()

        def work() -> None:
            while waiting:
                self.outcomes.append(self._fleet.run_company(waiting.pop(0)))
            if len(self.outcomes) == len(task.companies):
                all_ended.set()

        for _ in range(2):
            self.night.world.start(work, self._machine)
        self.night.world.sleep(1e9, all_ended)
        self.outcomes += self._fleet.report_gone(task.gone)
        return 0 if all(outcome.result.is_good for outcome in self.outcomes) else 1


def read_success(*_: object) -> AuditLog:
    """Return what the audit log of a run says in which one stream was read to its end."""
    return AuditLog(streams=[StreamEnding(stream="jobs", ending=Ending.SUCCESS)])


def _ignore(*_: object) -> None:
    """Report nothing."""


def make_company(company_id: str, *, enabled: bool = True) -> Company:
    """Return a company."""
    fields = {
        "company_id": company_id,
        "tenant_id": "1",
        "project_id": f"p-{company_id}-data",
        "enabled": enabled,
        "secrets": {"client_id": "env:A", "client_secret": "env:B", "app_key": "env:C"},
    }
    return parse_company(fields, company_id)
