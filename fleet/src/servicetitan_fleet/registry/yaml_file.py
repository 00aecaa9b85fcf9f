"""The registry as a YAML file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import msgspec
import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from servicetitan_fleet.files import replace_file
from servicetitan_fleet.plugin_runtime.compat import override
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.registry.base import Registry
from servicetitan_fleet.registry.company import Company, check_together, checked

if TYPE_CHECKING:
    from pathlib import Path


_LONGEST_LINE = 4096


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


class FileRegistry(Registry):
    """A YAML file with a list `companies`."""

    def __init__(self, path: Path) -> None:
        """Name the file."""
        self._path = path

    @override
    def companies(self) -> list[Company]:
        try:
            content = yaml.safe_load(self._path.read_text(encoding="utf-8"))
        except OSError as error:
            raise PluginError(f"cannot read the companies from {self._path}: {error.strerror}") from error
        except yaml.YAMLError as error:
            raise PluginError(f"{self._path} is not YAML: {error}") from error
        if not isinstance(content, dict) or not isinstance(content.get("companies"), list):
            raise PluginError(f"{self._path} has no list `companies`")
        return checked((f"{self._path}, company {n}", one) for n, one in enumerate(content["companies"], 1))

    @override
    def add(self, company: Company) -> None:
        before = ""
        if self._path.exists():
            check_together([*self.companies(), company])
            before = self._path.read_text(encoding="utf-8")
        # A link stays one: what it points to is replaced.
        try:
            replace_file(self._path.resolve(), with_company(before, company).encode())
        except OSError as error:
            raise PluginError(f"cannot write {self._path}: {error.strerror}") from error
