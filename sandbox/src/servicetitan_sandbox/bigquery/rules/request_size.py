"""A request has at most 10 MB, except those that send a file (https://cloud.google.com/bigquery/quotas#api_request_quotas).

Google's front end refuses a larger one with a page of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse

from servicetitan_sandbox.bigquery.api_calls import UPLOAD, read_call

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import ASGIApp, Receive, Scope, Send

LIMIT_BYTES = 10 << 20

_PAGE = "<!DOCTYPE html><html lang=en><title>Error 413 (Request Entity Too Large)!!1</title>"


def install(app: FastAPI) -> None:
    """Let an application refuse requests that are too large."""
    app.add_middleware(_Middleware)


class _Middleware:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http" and _size(scope) > LIMIT_BYTES:
            call = read_call(scope["method"], scope["path"])
            if call and call.kind != UPLOAD:
                app = HTMLResponse(_PAGE, 413)
        await app(scope, receive, send)


def _size(scope: Scope) -> int:
    """Return the length that a request says of itself. Google's clients always say it."""
    return int(dict(scope["headers"]).get(b"content-length", 0))
