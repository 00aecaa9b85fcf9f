"""The tap's catalog: discovered, and with the selection, as Meltano makes it, in less time.

Meltano copies the discovered catalog line by line, and compares each property with the rules of all streams.
"""

from __future__ import annotations

import fnmatch
import json
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import structlog
from meltano.core.logging import OutputLogger
from meltano.core.plugin.error import PluginExecutionError, PluginLacksCapabilityError
from meltano.core.plugin.singer.catalog import (
    INCLUSION_KEY,
    PROP_DELIMITER,
    SELECTED_KEY,
    MetadataExecutor,
    SelectionType,
    select_metadata_rules,
)
from meltano.core.plugin.singer.tap import SingerTap, config_metadata_rules

from servicetitan_fleet.meltano.pipe import PluginCommand, run_alone

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Self

    from meltano.core.plugin.singer.catalog import MetadataRule
    from meltano.core.plugin_invoker import PluginInvoker

    from servicetitan_fleet.meltano.pipe import StartPlugin

logger = structlog.get_logger(__name__)

_Node = dict[str, Any]

_PROPERTIES = "properties"
_NAME = re.compile(r"\w*")
"""Names of properties that Meltano takes for such."""

_NOTHING = r"(?!)"
"""Matches no text."""

_OTHER_RULES = ("_catalog", "_schema", "_select_filter")
"""Settings that are rare here, with which Meltano's own way is taken."""


class PairTap(SingerTap):
    """Meltano's tap, with a quicker way to a catalog."""

    _start: ClassVar[StartPlugin]

    @classmethod
    def with_start(cls, start: StartPlugin) -> type[Self]:
        """Return this class with a way to start the tap."""
        return type(cls.__name__, (cls,), {"_start": staticmethod(start)})

    @override
    async def run_discovery(self, plugin_invoker: PluginInvoker, catalog_path: Path) -> None:
        if "discover" not in plugin_invoker.capabilities:
            raise PluginLacksCapabilityError(f"Extractor '{self.name}' does not support catalog discovery")
        logger.info("Running catalog discovery")
        self._discover(plugin_invoker, catalog_path)

    def _discover(self, invoker: PluginInvoker, path: Path) -> None:
        log = OutputLogger("").out(
            self.name, invoker.stderr_logger.bind(type="discovery"), log_parser=invoker.get_log_parser()
        )
        said: list[str] = []

        def on_line(line: str) -> None:
            said.append(line)
            log.writeline(line)

        with path.open("wb") as catalog:  # which also keeps the last run's catalog from the command line
            arguments = invoker.exec_args("--discover")
            command = PluginCommand(name=self.name, arguments=arguments, environment=invoker.env(), on_log_line=on_line)
            code = run_alone(self._start, command, catalog.fileno())
        if code:
            path.unlink()
            raise PluginExecutionError(
                f"Catalog discovery failed: command {arguments} returned {code} with stderr:\n {''.join(said)}"
            )

    @override
    async def apply_catalog_rules(self, plugin_invoker: PluginInvoker, exec_args: tuple[str, ...] = ()) -> None:
        extras = plugin_invoker.plugin_config_extras
        if "catalog" not in plugin_invoker.capabilities or any(extras[name] for name in _OTHER_RULES):
            await super().apply_catalog_rules(plugin_invoker, exec_args)
        else:
            rules = select_metadata_rules(["!*.*"])  # nothing is selected but what follows
            rules += select_metadata_rules(extras["_select"]) + config_metadata_rules(extras["_metadata"])
            self._apply(rules, plugin_invoker)

    def _apply(self, rules: list[MetadataRule], invoker: PluginInvoker) -> None:
        path, key_path = invoker.files["catalog"], invoker.files["catalog_cache_key"]
        try:
            catalog = json.loads(path.read_bytes())
            self.warn_property_not_found(rules, catalog)
            SelectionRules(rules).apply(catalog)
            path.write_text(json.dumps(catalog))  # in ASCII: whatever the machine's encoding is, it is read as it is
        except Exception as error:
            path.unlink(missing_ok=True)
            raise PluginExecutionError(f"Applying catalog rules failed: catalog file is invalid: {error}") from error
        get_key: Callable[[PluginInvoker], str | None] = self.catalog_cache_key
        if key := get_key(invoker):
            key_path.write_text(key)
        else:
            key_path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _PreparedRule:
    """A rule of Meltano's with its patterns, which have shell wildcards, compiled.

    Attributes:
        rule: The rule.
        matches_name: Matches the names of the streams that it names.
        matches_place: Matches the places in a stream, joined breadcrumbs, that it changes.
    """

    rule: MetadataRule
    matches_name: Callable[[str], object]
    matches_place: Callable[[str], object]

    @classmethod
    def of(cls, rule: MetadataRule) -> Self:
        names = rule.tap_stream_id if isinstance(rule.tap_stream_id, list) else [rule.tap_stream_id]
        return cls(rule, _matcher(*names), _matcher(PROP_DELIMITER.join(rule.breadcrumb)))

    def is_for(self, stream: str) -> bool:
        """Return whether it may change something in a stream. A negated rule is for all that it does not name."""
        return bool(self.matches_name(stream)) != self.rule.negated


def _matcher(*patterns: str) -> Callable[[str], object]:
    alternatives = "|".join(map(fnmatch.translate, patterns))
    return re.compile(alternatives or _NOTHING).match


class SelectionRules(MetadataExecutor):
    """Applies rules to a catalog as Meltano's executor, which it is, does.

    That looks at each node of the catalog, whatever it is, compares each property with the rules for all streams, reads
    their patterns anew each time, and logs each change.
    """

    def __init__(self, rules: list[MetadataRule]) -> None:
        """Take the rules; of several that match the last one counts."""
        super().__init__([])
        self._all_rules = [_PreparedRule.of(rule) for rule in rules]
        self._stream_rules: list[_PreparedRule] = []

    def apply(self, catalog: _Node) -> None:
        """Change the metadata of a catalog, and add what is missing."""
        for stream in catalog["streams"]:
            self._stream_rules = [rule for rule in self._all_rules if rule.is_for(stream["tap_stream_id"])]
            self._rules = [prepared.rule for prepared in self._stream_rules]
            self.stream_node(stream, "")
            for name, part in stream.items():
                if name == "schema":
                    self._visit_properties(part, [])
                elif name == "metadata":
                    for node in part:  # grows meanwhile if it stands before the schema
                        self.metadata_node(node, "")

    def _visit_properties(self, schema: _Node, above: list[str]) -> None:
        for name, node in (schema.get(_PROPERTIES) or {}).items():
            if isinstance(node, dict) and _NAME.fullmatch(name):
                breadcrumb = [*above, _PROPERTIES, name]
                self.ensure_metadata(breadcrumb)
                self._visit_properties(node, breadcrumb)

    @override
    def metadata_node(self, node: _Node, path: str) -> None:
        place = PROP_DELIMITER.join(node["breadcrumb"])
        for prepared in self._stream_rules:
            if prepared.matches_place(place):
                self.set_metadata(node["metadata"], path, prepared.rule.key, prepared.rule.value)

    @override
    def set_metadata(self, node: _Node, path: str, key: str, value: object) -> None:
        if key == SELECTED_KEY and value is True and node.get(INCLUSION_KEY) == SelectionType.UNSUPPORTED:
            return
        node[key] = value
