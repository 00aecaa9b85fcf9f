"""Reads the text of a registry: YAML 1.2, in which `no` and `on` are texts. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError, SafeConstructor
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from servicetitan_fleet.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT_FIELDS = frozenset({"company_id", "company_name", "tenant_id", "project_id", "location", "streams", "secrets"})
"""Fields whose values are texts as they stand there, whatever YAML takes them for: `0123`, `1e3`, `true`."""

_TEXT, _NULL, _TIME = (f"tag:yaml.org,2002:{name}" for name in ("str", "null", "timestamp"))


def load_registry(text: str, location: str) -> list[tuple[str, object]]:
    """Return the place and the fields of each entry of a registry.

    Args:
        text: The text of the file.
        location: The path of the file, for the error messages.

    Raises:
        PluginError: As `load_document`.
    """
    companies = load_document(text, location)["companies"]
    return [(f"company {number}", fields) for number, fields in enumerate(companies, 1)]


def load_document(text: str, location: str) -> dict[str, Any]:
    """Return the content of a registry, which has a list `companies`.

    Args:
        text: The text of the file.
        location: The path of the file, for the error messages.

    Raises:
        PluginError: If the text is not YAML, or has no list `companies`. The message has no part of the text, which
            could be a secret.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    try:
        root = yaml.compose(text)
        for name, value in _fields(root):
            if name == "companies":
                _mark_texts(value)
        content = yaml.constructor.construct_document(root) if root else None
    except (YAMLError, RecursionError, ValueError) as error:
        raise PluginError(f"{location} is not valid YAML: {describe_error(error)}") from None
    if not isinstance(content, dict) or not isinstance(content.get("companies"), list):
        raise PluginError(f"{location} has no list `companies`")
    return content


class _Constructor(SafeConstructor):
    """The safe constructor, for which a date is the text that stands there: settings are texts or JSON."""


_Constructor.add_constructor(_TIME, SafeConstructor.construct_yaml_str)


def describe_error(error: Exception) -> str:
    """Return what is wrong, and where, without the text that is there: it may be a secret."""
    mark = getattr(error, "problem_mark", None)
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    problem = "a field stands twice" if isinstance(error, DuplicateKeyError) else "it cannot be read"
    return f"{place}{problem} ({type(error).__name__})"


def _fields(node: Node | None) -> Iterator[tuple[str, Node]]:
    """Yield the fields of a mapping; nothing if it is none."""
    if isinstance(node, MappingNode):
        yield from ((name.value, value) for name, value in node.value if isinstance(name, ScalarNode))


def _mark_texts(companies: Node) -> None:
    for company in companies.value if isinstance(companies, SequenceNode) else ():
        for name, value in _fields(company):
            if name in TEXT_FIELDS:
                for scalar in _scalars(value):
                    scalar.tag = _TEXT


def _scalars(node: Node) -> Iterator[ScalarNode]:
    """Yield what stands in a field, in its list, or in its mapping, except null, which means that nothing is given."""
    inner = node.value if isinstance(node, SequenceNode) else [value for _, value in _fields(node)] or [node]
    yield from (scalar for scalar in inner if isinstance(scalar, ScalarNode) and scalar.tag != _NULL)
