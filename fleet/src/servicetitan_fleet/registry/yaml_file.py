"""A new company: as an entry of the file, as a row of the table, and what is left to do by hand. Pure."""

from __future__ import annotations

import io
import re
import shlex
from typing import TYPE_CHECKING, Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from servicetitan_fleet.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from servicetitan_fleet.registry.company import Company

_LONGEST_LINE = 4096
_SECRET = re.compile(r"^secret://projects/(?P<project>[^/]+)/secrets/(?P<name>[^/]+)/versions/")


def entry(company: Company) -> dict[str, Any]:
    """Return what is to be written down of a company: its fields, save for those that say nothing."""
    fields: dict[str, Any] = msgspec.to_builtins(company)
    # In the registry, a company without `enabled` is enabled.
    return {name: value for name, value in fields.items() if (value is False if name == "enabled" else value)}


def with_company(text: str, company: Company) -> str:
    """Return a registry file with one more company. Comments and the order of everything stay.

    Args:
        text: What the file holds; nothing, when there is no file yet.
        company: The new company.

    Raises:
        PluginError: If the text is not a registry.
    """
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = _LONGEST_LINE
    try:
        content = yaml.load(text or "companies: []\n")
    except YAMLError as error:
        raise PluginError(f"the registry is not YAML: {error}") from error
    companies = content.get("companies") if isinstance(content, dict) else None
    if not isinstance(companies, CommentedSeq):
        raise PluginError("the registry has no list `companies`")
    if companies:
        # Where the first field of the first company stands says how the file is indented.
        column = companies.lc.data[0][1]
        yaml.indent(mapping=2, sequence=max(column, 2), offset=max(column - 2, 0))
    else:
        companies.fa.set_block_style()
    new = entry(company)
    # Without quotes it would be read as a number.
    companies.append({**new, "tenant_id": DoubleQuotedScalarString(company.tenant_id)})
    output = io.StringIO()
    yaml.dump(content, output)
    return output.getvalue()


def insert_statement(table: str) -> str:
    """Return the statement that adds a company to the registry's table, unless somebody has added such a one meanwhile.

    Args:
        table: Quoted name of the table.
    """
    return f"""\
INSERT INTO {table} (company_id, company_name, tenant_id, project_id, location, enabled, streams, secrets)
SELECT
  @company_id,
  NULLIF(@company_name, ''),
  @tenant_id,
  @project_id,
  NULLIF(@location, ''),
  @enabled,
  @streams,
  STRUCT(@client_id AS client_id, @client_secret AS client_secret, @app_key AS app_key)
FROM (SELECT 1)
WHERE NOT EXISTS (
  SELECT 1
  FROM {table}
  WHERE company_id = @company_id OR tenant_id = @tenant_id OR project_id = @project_id
)"""  # noqa: S608 - the table is quoted, the rest is constant


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
