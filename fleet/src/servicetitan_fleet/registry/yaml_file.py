"""The registry as a YAML file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from servicetitan_fleet.files import replace_file
from servicetitan_fleet.plugin_runtime.compat import override
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.registry.base import Registry
from servicetitan_fleet.registry.entries import Entries, check_addition, parse_entries
from servicetitan_fleet.registry.file_lock import lock_folder
from servicetitan_fleet.registry.yaml_text import describe_error, load_document, load_registry

if TYPE_CHECKING:
    from pathlib import Path

    from servicetitan_fleet.registry.company import Company

_LONGEST_LINE = 4096


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
    def read(self) -> Entries:
        return parse_entries(self._parse(self._read_text()), str(self._path), trusted=self._trusted)

    @override
    def read_notify(self) -> object:
        return load_document(self._read_text(), str(self._path)).get("notify") or []

    @override
    def add(self, company: Company) -> None:
        # Resolved, so that a symbolic link stays and the file it points to is replaced.
        path = self._path.resolve()
        with lock_folder(path.parent):
            text = ""
            if path.exists():
                text = self._read_text()
                check_addition(self._parse(text), company)
            try:
                replace_file(path, append_company(text, company).encode())
            except OSError as error:
                raise PluginError(f"cannot write {self._path}: {error.strerror}") from error

    def _read_text(self) -> str:
        try:
            content = self._path.read_bytes()
        except OSError as error:
            raise PluginError(f"cannot read the companies from {self._path}: {error.strerror}") from error
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            column = error.start - content.rfind(b"\n", 0, error.start)
            # Not the cause of the new error: its text has the bytes.
            raise PluginError(
                f"{self._path} is not text in UTF-8: line {line}, byte {column}. Save it as UTF-8"
            ) from None

    def _parse(self, text: str) -> list[tuple[str, object]]:
        return load_registry(text, str(self._path))


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
        raise PluginError(f"the registry is not valid YAML: {describe_error(error)}") from None
    companies = content.get("companies") if isinstance(content, dict) else None
    if not isinstance(companies, CommentedSeq):
        raise PluginError("the registry has no list `companies`")
    if companies:
        # The column of the first company's first field shows how the file is indented.
        column = companies.lc.data[0][1]
        editor.indent(mapping=2, sequence=max(column, 2), offset=max(column - 2, 0))
    else:
        companies.fa.set_block_style()
    # Without quotes, other programs would read the tenant as a number.
    companies.append({**_to_entry(company), "tenant_id": DoubleQuotedScalarString(company.tenant_id)})
    output = io.StringIO()
    editor.dump(content, output)
    return output.getvalue()


def _to_entry(company: Company) -> dict[str, Any]:
    """Return the fields of a company for the file, without those that have their default."""
    fields: dict[str, Any] = msgspec.to_builtins(company)
    # In the registry, a company without `enabled` is enabled.
    return {name: value for name, value in fields.items() if (value is False if name == "enabled" else value)}
