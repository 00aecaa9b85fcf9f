"""What is left to do for a new company, as lines for a shell. Pure."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from servicetitan_fleet.registry.company import Company


_SECRET = re.compile(r"^secret://projects/(?P<project>[^/]+)/secrets/(?P<name>[^/]+)/versions/")


def next_steps(company: Company, environment: str, places: Sequence[str]) -> Iterator[str]:
    """Yield what is left to do, as lines for a shell.

    Args:
        company: The new company.
        environment: `dev`, `qua` or `pro`.
        places: The options of the commands that name registry and storage.
    """
    references = list(msgspec.to_builtins(company.secrets).values())
    stored = [(one, found) for one in references if (found := _SECRET.match(one))]
    variables = [one.removeprefix("env:") for one in references if one.startswith("env:")]
    if stored:
        yield "# The secrets that do not exist yet: type or paste the value, then Enter and Ctrl-D."
        for _, found in stored:
            yield _command(
                ["gcloud", "secrets", "create", found["name"], f"--project={found['project']}"],
                ["--replication-policy=automatic", "--data-file=-"],
            )
        yield "# Its datasets, and the rights to use them and the secrets."
        yield _command(
            ["deploy/deploy.sh", environment, "company", company.project_id, company.location or "US"],
            [reference for reference, _ in stored],
        )
    if variables:
        yield f"# Set where the fleet runs: {', '.join(variables)}."
    yield "# Is everything right? Then run it."
    for verb in ("check", "run"):
        yield _command(
            ["orchestrate-etl", verb, "--company", company.company_id], ["--environment", environment, *places]
        )


def _command(*words: Sequence[str]) -> str:
    return shlex.join(word for some in words for word in some)
