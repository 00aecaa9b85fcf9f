"""A tap that writes straight into a target: two processes, their logs, and the states that come out."""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Self

    Handler = Callable[[str], None]


class Plugin(Protocol):
    """A running plugin."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and return its exit code; -N if signal N killed it.

        Raises:
            subprocess.TimeoutExpired: If it does not end in time.
        """

    def kill(self) -> None:
        """Kill it. Nothing happens if it has ended."""


class StartPlugin(Protocol):
    """Starts a plugin in this process's group."""

    def __call__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], standard: tuple[int, int, int]
    ) -> Plugin:
        """Start it with the descriptors of its standard input, output and error output.

        Raises:
            OSError: If it cannot be started.
        """


@dataclass(frozen=True, kw_only=True)
class PluginCommand:
    """A plugin as it is to be started.

    Attributes:
        name: The plugin's name.
        arguments: Its program and its arguments.
        environment: All its environment variables.
        on_log_line: Called with each line of its log, from another thread.
    """

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    on_log_line: Handler


@dataclass(frozen=True)
class PipeExit:
    """The exit codes of the two plugins; -N if signal N killed one."""

    tap: int
    target: int


class Pipe:
    """Runs a tap and a target. As a context, it leaves neither of them running.

    The target's input ends when the tap has ended, whatever the tap does with its output before. If the target ends
    first, the tap is killed and counts as if it had ended well: the failure is the target's.
    """

    def __init__(self, start: StartPlugin) -> None:
        """Make the pipe. Nothing runs yet.

        Args:
            start: Starts the plugins.
        """
        self._start = start
        self._plugins: list[Plugin] = []
        self._readers = _Readers()
        # Both ends are held while a plugin at the other end runs. So a tap whose target has died is not told, and has
        # no error of its own to log.
        self._output, self._input = os.pipe()
        self._is_input_open = True
        self._is_stopped = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for plugin in self._plugins:
            plugin.kill()
            plugin.wait()
        self._end_input()
        os.close(self._output)

    def start_tap(self, tap: PluginCommand) -> None:
        """Start the tap.

        Raises:
            OSError: If it cannot be started.
        """
        with _no_input() as nothing:
            self._run(tap, nothing, self._input)

    def start_target(self, target: PluginCommand, on_state: Handler) -> None:
        """Start the target, after the tap.

        Args:
            target: The target.
            on_state: Called with each line of its output, from another thread.

        Raises:
            OSError: If it cannot be started.
        """
        with self._readers.read(on_state) as output:
            self._run(target, self._output, output)

    def wait(self) -> PipeExit:
        """Wait until both have ended, and all that they wrote is handled."""
        tap, target = self._plugins
        codes: list[int] = []

        def wait_for_tap() -> None:
            codes.append(tap.wait())
            if not self._is_stopped:
                self._end_input()

        waiter = threading.Thread(target=wait_for_tap)
        waiter.start()
        target_code = target.wait()
        is_tap_done = bool(codes)
        if not is_tap_done:
            tap.kill()
        waiter.join()
        self._readers.wait()
        return PipeExit(codes[0] if is_tap_done else 0, target_code)

    def stop(self) -> None:
        """Keep the end of the tap from the target, which would write what it has: both are about to be ended."""
        self._is_stopped = True

    def _run(self, plugin: PluginCommand, standard_input: int, output: int) -> None:
        with self._readers.read(plugin.on_log_line) as errors:
            started = self._start(plugin.name, plugin.arguments, plugin.environment, (standard_input, output, errors))
        self._plugins.append(started)

    def _end_input(self) -> None:
        if self._is_input_open:
            self._is_input_open = False
            os.close(self._input)


def run_alone(start: StartPlugin, plugin: PluginCommand, output: int) -> int:
    """Run a plugin without input, and return its exit code when all that it logged is handled.

    Args:
        start: Starts it.
        plugin: The plugin.
        output: The descriptor of its output.

    Raises:
        OSError: If it cannot be started.
    """
    readers = _Readers()
    with _no_input() as nothing, readers.read(plugin.on_log_line) as errors:
        started = start(plugin.name, plugin.arguments, plugin.environment, (nothing, output, errors))
    code = started.wait()
    readers.wait()
    return code


class _Readers:
    """Threads that handle what processes write, line by line."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []

    @contextlib.contextmanager
    def read(self, on_line: Handler) -> Iterator[int]:
        """Yield a descriptor for a process to write to, and call `on_line` with each line until all have closed it."""
        ours, theirs = os.pipe()
        thread = threading.Thread(target=_handle_lines, args=(ours, on_line), daemon=True)
        thread.start()
        self._threads.append(thread)
        try:
            yield theirs
        finally:
            os.close(theirs)

    def wait(self) -> None:
        """Wait until all is handled."""
        for thread in self._threads:
            thread.join()


@contextlib.contextmanager
def _no_input() -> Iterator[int]:
    null = os.open(os.devnull, os.O_RDONLY)
    try:
        yield null
    finally:
        os.close(null)


def _handle_lines(descriptor: int, on_line: Handler) -> None:
    with os.fdopen(descriptor, encoding="utf-8", errors="replace", newline="\n") as lines:
        for line in lines:
            with contextlib.suppress(Exception):  # whatever it is, the plugin must not wait for its reader
                on_line(line)
