"""Counts of the records of a stream, which go to standard output and not through the log."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from tap_servicetitan.errors import StreamError
from tap_servicetitan.plugin_runtime.redaction import register_secrets
from tap_servicetitan.specs.registry import STREAMS
from tap_servicetitan.streams import count

if TYPE_CHECKING:
    import pytest


def test_a_secret_in_a_refusal_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "k3y-0f-the-app-in-an-answer"
    register_secrets([secret])

    def refuse(*_: object) -> None:
        raise StreamError(f"GET /campaigns: 400: no app has the key {secret}")

    monkeypatch.setattr(count, "_ask", refuse)
    spec = next(spec for spec in STREAMS if spec.name == "campaigns")
    stream: Any = SimpleNamespace(spec=spec, source=spec)
    client: Any = None
    problem = count.count_stream(client, stream, None).problem
    assert problem.startswith("GET /campaigns: 400: no app has the key ")
    assert secret not in problem
