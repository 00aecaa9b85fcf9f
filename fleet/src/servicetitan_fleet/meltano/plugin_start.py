"""Starts a plugin: as a fork of a process with its libraries, if there is one, or as any other program."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from servicetitan_fleet.meltano.forked_process import ForkRequest, fork

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from servicetitan_fleet.meltano.pipe import Plugin


class PluginStarter:
    """Starts plugins in this process's group."""

    def __init__(self, servers: Iterable[str]) -> None:
        """Take the servers of plugins.

        Args:
            servers: For each a plugin's name, a colon and the descriptor of a socket for requests, as
                `warm_server.py` gives them.
        """
        parts = (server.rpartition(":") for server in servers)
        self._servers = {name: socket.socket(fileno=int(descriptor)) for name, _, descriptor in parts}

    def start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], standard: tuple[int, int, int]
    ) -> Plugin:
        """Start a plugin in this process's folder.

        Args:
            name: The plugin's name.
            command: Its program and its arguments.
            environment: All its environment variables.
            standard: Descriptors of its standard input, output and error output.

        Raises:
            OSError: If it cannot be started.
        """
        if server := self._servers.get(name):
            request = ForkRequest(
                program=name, command=command, folder=str(Path.cwd()), environment=environment, group=os.getpgrp()
            )
            with contextlib.suppress(OSError):
                return fork(request, standard, lambda descriptors: _send(server, descriptors))
        return subprocess.Popen(  # noqa: S603 - a plugin of the project
            command, env=dict(environment), stdin=standard[0], stdout=standard[1], stderr=standard[2]
        )


def _send(server: socket.socket, descriptors: Sequence[int]) -> None:
    socket.send_fds(server, [b"."], descriptors)
