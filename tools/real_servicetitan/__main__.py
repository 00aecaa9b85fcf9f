"""The command of the check: `python -m real_servicetitan`, with the credentials in the environment."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from real_servicetitan.check import check
from real_servicetitan.client import CheckError, Client
from real_servicetitan.report import put, render
from tap_servicetitan.specs.registry import STREAMS

PAGE = Path(__file__).resolve().parents[2] / "docs/real-servicetitan.md"


def main() -> int:
    """Ask, write the page, and return 0; 1 if the API does something that the tap is not made for."""
    parser = argparse.ArgumentParser(prog="real_servicetitan", description="Asks a real ServiceTitan how it behaves.")
    parser.add_argument("--requests", type=int, default=2000, help="the most requests to send (default: 2000)")
    parser.add_argument("--minutes", type=float, default=20, help="how long it may take (default: 20)")
    parser.add_argument(
        "--output", type=Path, default=PAGE, help="the page to write into (default: docs/real-servicetitan.md)"
    )
    options = parser.parse_args()
    try:
        client = Client.from_environment(most_requests=options.requests, minutes=options.minutes)
        client.sign_in()
    except CheckError as error:
        print(f"test-servicetitan: {error}", file=sys.stderr)
        return 1
    findings = check(client, STREAMS, print)
    host = urlsplit(client.api_url).hostname or ""
    text = render(findings, client.statuses, datetime.now(UTC), host)
    options.output.write_text(put(options.output.read_text("utf-8"), text), encoding="utf-8")
    print(f"written to {options.output}")
    for line in findings.unexpected:
        print(f"not expected: {line}")
    if not findings.access.get("can be read"):
        print(
            "not a single list could be read: check SERVICETITAN_APP_KEY, SERVICETITAN_TENANT_ID and the app's scopes"
        )
        return 1
    return 1 if findings.unexpected else 0


if __name__ == "__main__":
    sys.exit(main())
