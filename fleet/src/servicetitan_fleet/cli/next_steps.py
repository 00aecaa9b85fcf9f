"""The steps that remain after a company was added to the registry, as lines for a shell. Pure."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from servicetitan_fleet.registry.company import Company

_SECRET = re.compile(r"^secret://projects/(?P<project>[^/]+)/secrets/(?P<name>[^/]+)/versions/")


def next_steps(company: Company, environment: str, options: Sequence[str]) -> Iterator[str]:
    """Yield the remaining steps as shell commands and comments.

    Args:
        company: The new company.
        environment: `dev`, `qua` or `pro`.
        options: Options of the commands for registry and storage.
    """
    references = list(msgspec.to_builtins(company.secrets).values())
    stored = [(reference, match) for reference in references if (match := _SECRET.match(reference))]
    variables = [reference.removeprefix("env:") for reference in references if reference.startswith("env:")]
    if stored:
        yield "# Create the secrets that do not exist yet: type or paste the value, then press Enter and Ctrl-D."
        for _, match in stored:
            yield _join_command(
                ["gcloud", "secrets", "create", match["name"], f"--project={match['project']}"],
                ["--replication-policy=automatic", "--data-file=-"],
            )
        yield "# Create its datasets, and grant access to them and to the secrets."
        yield _join_command(
            ["deploy/deploy.sh", environment, "company", company.project_id, company.location or "US"],
            [reference for reference, _ in stored],
        )
    if variables:
        yield f"# Set these environment variables where the fleet runs: {', '.join(variables)}."
    yield "# Run the preflight checks, then run the company."
    for verb in ("check", "run"):
        yield _join_command(
            ["orchestrate-etl", verb, "--company", company.company_id], ["--environment", environment, *options]
        )


def _join_command(*parts: Sequence[str]) -> str:
    return shlex.join(word for part in parts for word in part)
