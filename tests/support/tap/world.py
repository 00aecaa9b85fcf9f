"""A tenant that changes while the tap reads it, run after run, and the tables that the messages make.

Everything that was drawn is told in :attr:`World.story`, in words, for the person who looks at a failure.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from servicetitan_sandbox.client.control import ReportChange
from support.servicetitan import Client, new_tenant
from support.tap import scenarios
from support.tap.harness import Company, Run
from support.tap.scenarios import REPORT, entity
from support.tap.source import Source, by_content, content, own_fields
from support.tap.target_table import Table
from tap_servicetitan.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from servicetitan_sandbox.client.processes import ServiceTitan
    from support.tap.harness import Message, Sync
    from support.tap.target_table import Key
    from tap_servicetitan.specs.spec import StreamSpec

_ODD_TIMES = ("0001-01-01T00:00:00Z", None, "2026-03-01T01:30:00.5+02:00")
_BETWEEN_RUNS_SECONDS = 5
_SHOWN = 12
"""How many messages about a row a failure shows."""

_TOOK_SEVERAL = "the last full pass took several runs"

_QUIET: Mapping[str, Any] = {"restless": False, "advance_seconds": 0, "state": "last", "kept": 1.0}


class World:
    """A tenant, some of its streams, and their tables.

    Args:
        seed: Everything follows from it, except how the requests of concurrent streams mix.
        server: The local ServiceTitan.
        sync: Runs the tap.
    """

    def __init__(self, seed: int, server: ServiceTitan, sync: Sync) -> None:
        self._dice = random.Random(seed)
        self._sync = sync
        self.specs = scenarios.draw_streams(self._dice)
        habits = scenarios.draw_habits(self._dice, self.specs)
        self.client = Client(server, new_tenant(**{"requests_per_second": 10_000, **habits}))
        self._control = server.control
        self._tenant = self.client.tenant.tenant_id
        self.source = Source(self.client)
        self._caps = self.client.tenant.largest_page
        self._report = self._draw_report()
        self.company = Company(server, self.client.tenant, self._settings())
        self.tables = {name: Table() for name in self.streams}
        self._states: list[dict[str, Any]] = []
        self._history: list[tuple[str, list[Message]]] = []
        self._state_lost = False
        self._seen: dict[str, dict[int | str, None]] = defaultdict(dict)
        """The ids of the records that were there between two runs, by entity."""
        self.marked = 0
        self.story = [f"seed {seed}", f"tenant: {habits}"]
        self.story += [f"{spec.name}: {scenarios.kind(spec)}" for spec in self.specs]
        self.story += [f"{REPORT}: {self._report}"] * bool(self._report)

    @property
    def streams(self) -> list[str]:
        """Names of the streams."""
        return [*(spec.name for spec in self.specs), *([REPORT] if self._report else [])]

    @property
    def runs(self) -> int:
        """How many runs there were."""
        return len(self._history)

    def _draw_report(self) -> dict[str, Any] | None:
        if self._dice.random() < 0.7:
            return None
        start = datetime.now(UTC).date() - timedelta(days=self._dice.randint(1, 5))
        return {"name": REPORT, "date_range": {"start": str(start)}, **self.source.daily_report()}

    def _settings(self) -> dict[str, Any]:
        reports = {"reports": [self._report], "report_interval_seconds": 0} if self._report else {}
        return {"requests_per_second": 1000, "max_retries": 4, **reports}

    def play(self, fewest: int = 3, most: int = 6) -> None:
        """Let the tenant live and the tap read it, a few times, and check each run."""
        for _ in range(self._dice.randint(fewest, most)):
            self._change_source()
            self.run(scenarios.draw_run(self._dice))

    def settle(self) -> None:
        """Run the tap twice or more on a quiet tenant, the last time in full, and compare everything."""
        drawn = scenarios.draw_run(self._dice).tap
        self.run(scenarios.Settings(tap=drawn, **_QUIET))
        goes_on = self._has_open_pass()
        run = self.run(scenarios.Settings(tap={**drawn, "reconcile_interval_days": 0}, **_QUIET))
        if goes_on or any(_TOOK_SEVERAL in end.get("reason", "") for end in run.ends.values()):
            # It has ended a full pass that an earlier run had begun. Only a new one tells all that is gone by now.
            run = self.run(scenarios.Settings(tap={**drawn, "reconcile_interval_days": 0}, **_QUIET))
        unreadable = self._unreadable(drawn["page_size"])
        self._assert(run.error is None or bool(unreadable), f"the last run failed: {run.error}")
        for spec in self.specs:
            if run.error is None or spec.name not in unreadable:
                self._compare(spec, run)
        if self._report and run.error is None:
            self._compare_report(self._report, run)

    def _has_open_pass(self) -> bool:
        """Return whether a stream goes on with a full pass in the next run."""
        bookmarks = self._states[-1].get("bookmarks", {}) if self._states else {}
        return any("open_pass" in bookmark for bookmark in bookmarks.values())

    def run(self, settings: scenarios.Settings) -> Run:
        """Run the tap, apply its messages to the tables, and check what they marked."""
        # Never two runs in one second: the API's `Date` is that coarse, and no company is read twice in a second.
        self._control.advance_clock(self._tenant, settings.advance_seconds + _BETWEEN_RUNS_SECONDS)
        unrest = scenarios.draw_unrest(self._dice, self.specs) if settings.restless else None
        faults = scenarios.draw_faults(self._dice, self._tenant, self.specs) if settings.restless else []
        label = f"run {self.runs + 1}"
        told = [repr(unrest)] * bool(unrest) + [fault.model_dump_json(exclude_defaults=True) for fault in faults]
        self.story.append(f"{label}: {settings} {' '.join(told)}")
        if unrest:
            self._control.set_unrest(self._tenant, unrest)
        for fault in faults:
            self._control.set_fault(fault)
        given = scenarios.spoil_state(self._dice, settings.state, self._states, self.specs, self._tenant)
        self._state_lost = self._state_lost or settings.state != "last" or settings.kept < 1
        run = self._read(settings, given)
        self._control.end_unrest(self._tenant)
        self._control.clear_faults()

        kept = round(len(run.messages) * settings.kept)
        messages = run.messages[:kept]
        self._history.append((label, messages))
        if settings.state != "malformed" or run.error is None:  # else somebody puts the state before back
            self._keep_state(given, messages)
        self.story.append(f"  {len(messages)} messages, {run.error or 'no error'}")
        self._apply(messages)
        self.load(run.lines[:kept])
        if run.error is None and settings.kept == 1 and not settings.restless:
            for spec in self.specs:
                self._assert_up_to_date(spec)
        return run

    def load(self, lines: list[bytes]) -> None:
        """Do something with the messages that reached the target, once they are in the tables."""

    def _read(self, settings: scenarios.Settings, state: dict[str, Any] | None) -> Run:
        config = {**self.company.config, **settings.tap}
        names = [spec.name for spec in self.specs]
        try:
            return self._sync(config, *names, state=state, specs=scenarios.with_parents(self.specs))
        except PluginError as error:  # a state that the tap refuses before it reads anything
            return Run([], error)
        except Exception as error:
            error.add_note("\n".join([*self.story, f"the run ended with {type(error).__name__}, not with one line"]))
            raise

    def _keep_state(self, given: dict[str, Any] | None, messages: list[Message]) -> None:
        written = [message["value"] for message in messages if message["type"] == "STATE"]
        if written:
            self._states.append(written[-1])
        elif given is not None:
            self._states.append(given)

    def _apply(self, messages: list[Message]) -> None:
        """Apply messages to the tables, and check that no record that is at the source was marked deleted.

        What is there after the run was there all the time since it was inserted: only between two runs do records come
        back. The rows of a numbered list are nobody in particular, and those of a report stand for no record.
        """
        specs = {spec.name: spec for spec in self.specs}
        for name, table in self.tables.items():
            marked = table.run(messages, name)
            self.marked += len(marked)
            if marked and name != REPORT and not specs[name].numbered:
                wrong = marked & self.source.by_key(specs[name]).keys()
                self._assert(not wrong, f"{name}: live records were marked deleted", name, wrong)

    def _assert_up_to_date(self, spec: StreamSpec) -> None:
        """Check that a run brought everything that has changed, if the stream can tell: no row is lost or old."""
        if spec.parent or spec.numbered:
            return
        known = {key: record for key, record in self.source.by_key(spec).items() if _has_plain_time(record)}
        fields, rows = own_fields(spec), self.tables[spec.name].live
        self._assert(known.keys() <= rows.keys(), f"{spec.name}: lost", spec.name, known.keys() - rows.keys())
        old = {key for key, record in known.items() if content(record, fields) != content(rows[key], fields)}
        self._assert(not old, f"{spec.name}: changes were lost", spec.name, old)

    def _compare(self, spec: StreamSpec, run: Run) -> None:
        """Check that the rows of a table are the records of the source."""
        rows = self.tables[spec.name].live
        records = self.source.records(spec)
        if not records and not run.records(spec.name):
            return  # a snapshot without a record marks nothing
        if spec.numbered:
            found, there = by_content(spec, rows.values()), by_content(spec, records)
            wrong = {key for key in found.keys() | there.keys() if found.get(key) != there.get(key)}
            shown = {key: (found.get(key), there.get(key)) for key in list(wrong)[:1]}
            self._assert(not wrong, f"{spec.name}: other rows than at the source, by parent: {shown}", spec.name)
            return
        truth, fields = self.source.by_key(spec), own_fields(spec)
        self._assert(truth.keys() <= rows.keys(), f"{spec.name}: rows missing", spec.name, truth.keys() - rows.keys())
        self._assert(rows.keys() <= truth.keys(), f"{spec.name}: rows too many", spec.name, rows.keys() - truth.keys())
        wrong_keys = {key for key in truth if content(truth[key], fields) != content(rows[key], fields)}
        self._assert(not wrong_keys, f"{spec.name}: rows with wrong values", spec.name, wrong_keys)

    def _compare_report(self, report: dict[str, Any], run: Run) -> None:
        """Check the days that the run read: all rows of the report, and no others, if the tap can know of them."""
        rows = self.tables[REPORT].live
        for day in sorted({record["_report_date"] for record in run.records(REPORT)}):
            there = self.source.report_rows(report, day)
            found = [rows.get((day, number)) for number in range(len(there))]
            expected = [{"_report_date": day, "_position": number, **row} for number, row in enumerate(there)]
            shown = [row and {name: row[name] for name in row if name != "_sdc_deleted_at"} for row in found]
            self._assert(shown == expected, f"{REPORT}: {day} has other rows", REPORT)
            # Only the state tells how many rows a day had before.
            more = {key for key in rows if key[0] == day and key[1] >= len(there)}
            self._assert(not more or self._state_lost, f"{REPORT}: {day} has rows too many", REPORT, more)

    def _unreadable(self, page_size: int) -> set[str]:
        """Return the streams that a cap on pages may make unreadable."""
        capped = {name for name, cap in self._caps.items() if cap.manner == "lossy" and cap.size < page_size}
        return {
            spec.name for spec in self.specs if capped & {entity(source) for source in scenarios.with_parents([spec])}
        }

    def _change_source(self) -> None:
        """Change the source as people and imports do between two runs."""
        for spec in scenarios.with_parents(self.specs):
            change = self._dice.choice([self._insert_odd, self._update_many, self._bring_back, self._do_nothing])
            # A dictionary, because it has an order: the same seed brings back the same records.
            self._seen[entity(spec)] |= dict.fromkeys(self._control.ids(self._tenant, entity(spec)))
            change(entity(spec))
        if self._report and self._dice.random() < 0.5:
            seed = self._dice.randrange(10**6)
            self._control.change_report(self._tenant, self._report["id"], ReportChange(seed=seed))
            self.story.append(f"between: the report has other rows ({seed})")

    def _insert_odd(self, name: str) -> None:
        values: dict[str, Any] = {}
        if "modifiedOn" in self._control.records(self._tenant, name)[0]:
            values["modifiedOn"] = self._dice.choice(_ODD_TIMES)
        inserted = self._control.insert(self._tenant, name, values)
        self.story.append(f"between: inserted into {name}: {inserted.get('id')} {values}")

    def _update_many(self, name: str) -> None:
        count = self._dice.choice([None, 3])
        self.story.append(f"between: updated {self._control.update_many(self._tenant, name, None, count)} of {name}")

    def _bring_back(self, name: str) -> None:
        """Bring back some of the records that were deleted or deactivated."""
        there = self._control.ids(self._tenant, name)
        records = self._control.records(self._tenant, name)
        gone = [shown for shown in self._seen[name] if shown not in there]
        gone += [shown for shown, record in zip(there, records, strict=True) if record.get("active") is False]
        back = self._dice.sample(gone, min(len(gone), 2))
        for shown in back:
            self._control.restore(self._tenant, name, shown)
        self.story.append(f"between: back in {name}: {back}")

    def _do_nothing(self, name: str) -> None:
        pass

    def fail(self, problem: str) -> NoReturn:
        """Fail, and tell the story."""
        raise AssertionError("\n".join([problem, *self.story]))

    def _assert(self, holds: bool, problem: str, stream: str = "", keys: Iterable[Key] = ()) -> None:  # noqa: FBT001
        assert holds, "\n".join([problem, *self.story, *self._evidence(stream, sorted(keys, key=repr))])

    def _evidence(self, stream: str, keys: list[Key]) -> list[str]:
        """Return the first wrong row, and the messages about it."""
        if not keys:
            return []
        first = keys[0]
        lines = [f"{len(keys)} rows, the first is {first}"]
        for label, messages in self._history:
            about = [message for message in messages if message.get("stream") == stream]
            names: list[str] = next((each["key_properties"] for each in about if each["type"] == "SCHEMA"), [])
            for number, message in enumerate(about):
                record = message.get("record")
                if record is None or tuple(record.get(name) for name in names) == first:
                    lines.append(f"{label}, message {number} of {len(about)}: {_short(message)}")
        return lines[:1] + lines[1:][-_SHOWN:]


def _has_plain_time(record: dict[str, Any]) -> bool:
    """Whether filters by time of change find the record: its time is given, and was set when it changed."""
    time = record.get("modifiedOn", "none at all")
    return time is not None and time not in _ODD_TIMES


def _short(message: Message) -> str:
    if message["type"] == "SCHEMA":
        return f"SCHEMA, key {message['key_properties']}"
    return json.dumps(message)[:300]
