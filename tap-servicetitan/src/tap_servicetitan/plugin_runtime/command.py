"""Runs a command line; turns its end into one line and an exit code."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from . import redaction
from .errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk.plugin_base import PluginBase

OK, FAILED, USAGE = 0, 1, 2

NO_READER = "the program that reads this output has stopped: see its log"


def run(plugin: type[PluginBase], args: Sequence[str] | None = None) -> int:
    """Run a plugin and return its exit code: 0 for success, 1 for failure, 2 for a wrong command line.

    Errors become one line on stderr. `LOGLEVEL=DEBUG` adds the traceback.

    Args:
        plugin: The tap or target class.
        args: Command-line arguments. By default those of the process.
    """
    return run_command(plugin.cli, plugin.name, plugin.logger, args)


def run_command(command: click.Command, name: str, logger: logging.Logger, args: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code, as `run` does.

    Args:
        command: The command.
        name: Name of the program.
        logger: Logs the line that says what went wrong.
        args: Command-line arguments. By default those of the process.
    """
    redaction.install()
    try:
        code = _invoke(command, name, list(sys.argv[1:] if args is None else args))
        if sys.stdout is not None:
            sys.stdout.flush()  # while an error can still become a line
    except PluginError as error:
        return _fail(logger, str(error), error)
    except click.ClickException as error:
        return _fail(logger, error.format_message(), error, code=USAGE)
    except BrokenPipeError as error:
        drop_stdout()
        return _fail(logger, NO_READER, error)
    except Exception as error:  # noqa: BLE001 - the last place where an error can become a line
        return _fail(logger, f"unexpected {type(error).__name__}: {error}. `LOGLEVEL=DEBUG` shows where", error)
    return code


def _invoke(command: click.Command, name: str, args: list[str]) -> int:
    try:
        # Not `command.main`: that ends the process by itself when the output is closed.
        with command.make_context(name, args) as context:
            command.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except SystemExit as end:
        if end.code:
            raise  # a signal
    return OK


def _fail(logger: logging.Logger, message: str, error: BaseException, *, code: int = FAILED) -> int:
    if not getattr(error, "reported", False):
        logger.error("%s", " ".join(message.split()))
    logger.debug("Where it happened:", exc_info=error)
    logging.shutdown()
    return code


def leave(code: int) -> NoReturn:
    """Flush the log and end the process at once, whatever its threads are doing.

    A thread that is blocked on a full pipe holds the lock of stdout. Python wants that lock at its own end, and aborts
    when it does not get it.
    """
    logging.shutdown()
    os._exit(code)


def drop_stdout() -> None:
    """Discard the rest of the output after its reader has stopped."""
    # Otherwise the interpreter flushes into the closed pipe once more and prints a traceback.
    # stdout is None if it was closed before the start.
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
