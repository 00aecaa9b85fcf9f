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
from servicetitan_fleet.registry.company import Company, check_distinct, parse_companies

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST_LINE = 4096


class _Loader(yaml.SafeLoader):
    """The safe loader, for which a field that stands twice is an error: it would let the last one win."""

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [name.value for name, _ in node.value if isinstance(name, yaml.ScalarNode)]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise yaml.constructor.ConstructorError(
                    None, None, "a field stands twice", node.value[place][0].start_mark
                )
        return super().construct_mapping(node, deep=deep)


def _describe(error: Exception) -> str:
    """Return what is wrong, and where, without the text that is there: it may be a secret."""
    mark = getattr(error, "problem_mark", None)
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    problem = getattr(error, "problem", None) if isinstance(error, yaml.constructor.ConstructorError) else None
    return f"{place}{problem or 'it cannot be read'} ({type(error).__name__})"


class FileRegistry(Registry):
    """A YAML file with a list `companies`."""

    def __init__(self, path: Path, *, trusted: bool) -> None:
        """Name the file.

        Args:
            path: Its path.
            trusted: Whether its companies may have any setting.
        """
        self._path = path
        self._trusted = trusted

    @override
    def read(self) -> list[Company]:
        content = self._load()
        entries = ((f"{self._path}, company {number}", fields) for number, fields in enumerate(content["companies"], 1))
        return parse_companies(entries, trusted=self._trusted)

    @override
    def read_notify(self) -> object:
        return self._load().get("notify") or []

    def _load(self) -> dict[str, Any]:
        try:
            content = yaml.load(self._path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a safe one
        except OSError as error:
            raise PluginError(f"cannot read the companies from {self._path}: {error.strerror}") from error
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            raise PluginError(f"{self._path} is not valid YAML: {_describe(error)}") from None
        if not isinstance(content, dict) or not isinstance(content.get("companies"), list):
            raise PluginError(f"{self._path} has no list `companies`")
        return content

    @override
    def add(self, company: Company) -> None:
        text = ""
        if self._path.exists():
            check_distinct([*self.read(), company])
            text = self._path.read_text(encoding="utf-8")
        # Resolved, so that a symbolic link stays and the file it points to is replaced.
        try:
            replace_file(self._path.resolve(), append_company(text, company).encode())
        except OSError as error:
            raise PluginError(f"cannot write {self._path}: {error.strerror}") from error


def append_company(text: str, company: Company) -> str:
    """Append a company to the text of a registry. Comments, order and indentation stay.

    Args:
        text: The content of the file; empty if there is no file yet.
        company: The new company.

    Raises:
        PluginError: If the text is not a registry.
    """
    editor = YAML()
    editor.preserve_quotes = True
    editor.width = _LONGEST_LINE
    try:
        content = editor.load(text or "companies: []\n")
    except YAMLError as error:
        raise PluginError(f"the registry is not valid YAML: {_describe(error)}") from None
    companies = content.get("companies") if isinstance(content, dict) else None
    if not isinstance(companies, CommentedSeq):
        raise PluginError("the registry has no list `companies`")
    if companies:
        # The column of the first company's first field shows how the file is indented.
        column = companies.lc.data[0][1]
        editor.indent(mapping=2, sequence=max(column, 2), offset=max(column - 2, 0))
    else:
        companies.fa.set_block_style()
    # Without quotes, YAML would read the tenant as a number.
    companies.append({**_to_entry(company), "tenant_id": DoubleQuotedScalarString(company.tenant_id)})
    output = io.StringIO()
    editor.dump(content, output)
    return output.getvalue()


def _to_entry(company: Company) -> dict[str, Any]:
    """Return the fields of a company for the file, without those that have their default."""
    fields: dict[str, Any] = msgspec.to_builtins(company)
    # In the registry, a company without `enabled` is enabled.
    return {name: value for name, value in fields.items() if (value is False if name == "enabled" else value)}
