"""Checks what the registry says of a company against what the plugins know, before anything runs."""

from __future__ import annotations

import difflib
import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from servicetitan_fleet.meltano.project import TAP, TARGET
from servicetitan_fleet.meltano.setting_rules import find_setting_problems
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.redaction import to_line
from servicetitan_fleet.registry.selection import is_selected

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from servicetitan_fleet.meltano.project import MeltanoProject
    from servicetitan_fleet.registry.company import Company


def find_bad_settings(company: Company, project: MeltanoProject) -> Iterator[str]:
    """Yield a line for each setting of a company that its plugin would refuse.

    Raises:
        PluginError: If a plugin does not say what it accepts.
    """
    for plugin, settings in ((TAP, company.tap), (TARGET, company.target)):
        if settings:
            for name in sorted(settings.keys() - project.settings[plugin]):
                near = difflib.get_close_matches(name, project.settings[plugin], n=1)
                hint = f", perhaps `{near[0]}` is meant" if near else ""
                yield f"{plugin}: there is no setting `{to_line(name)}`{hint}"
            # A reference stands where the secret will be.
            plain = {name: value for name, value in settings.items() if name not in company.references}
            yield from (f"{plugin}: {line}" for line in find_setting_problems(project.facts.settings(plugin), plain))


_DECLARING_SETTINGS = ("reports", "extra_streams")
"""Settings of the tap that declare streams: lists of objects with a `name`."""


def find_unknown_streams(company: Company, project: MeltanoProject) -> Iterator[str]:
    """Yield a line for each pattern in `streams` that matches no stream: Meltano takes no notice of it.

    Raises:
        PluginError: If the tap does not say which streams it has.
    """
    if company.streams:
        yield from unknown_streams(company.streams, _stream_names(company, project))


def check_selected(streams: Iterable[str], company: Company, project: MeltanoProject) -> None:
    """Check that a company reads streams.

    Raises:
        PluginError: If there is no stream of a name, or the registry does not select it. Or if the tap does not say
            which streams it has.
    """
    streams, known = list(streams), _stream_names(company, project)
    problems = list(unknown_streams(streams, known, where="--stream"))
    # Patterns match as well: with `!jobs` everything else would be read.
    problems += [
        f"`{to_line(name)}` is a pattern: give the names of streams"
        for name in streams
        if name not in known and not problems
    ]
    problems += [
        f"`{name}` is not among the streams that it reads: see `streams` in the registry"
        for name in streams
        if not problems and not is_selected(name, company.streams)
    ]
    if problems:
        raise PluginError(f"{company.company_id}: {'; '.join(problems)}")


def _stream_names(company: Company, project: MeltanoProject) -> set[str]:
    """Return the names of all streams that a company could read.

    Raises:
        PluginError: If the tap does not say which streams it has.
    """
    own = [
        declared
        for setting in _DECLARING_SETTINGS
        for declared in (company.tap.get(setting), *project.configured(TAP, setting))
    ]
    return set(project.facts.streams(TAP)).union(*map(_declared_names, own))


def unknown_streams(patterns: Iterable[str], names: Iterable[str], where: str = "`streams`") -> Iterator[str]:
    """Yield a line for each of Meltano's selection patterns that matches no stream, with the name that is most like it.

    Args:
        patterns: `stream.property`; `!` in front of it excludes.
        names: The streams that there are.
        where: Where the patterns stand, in words.
    """
    names = sorted(names)
    for pattern in patterns:
        stream = pattern.removeprefix("!").partition(".")[0]
        if not any(fnmatchcase(name, stream) for name in names):
            near = difflib.get_close_matches(stream, names, n=1)
            hint = f", perhaps `{near[0]}` is meant" if near else ""
            yield f"no stream of the tap matches `{to_line(pattern)}` in {where}{hint}"


def _declared_names(declared: object) -> set[str]:
    """Return the names of the streams that a setting of the tap declares. What is no declaration is not looked at."""
    listed: Any = _from_json(declared) if isinstance(declared, str) else declared
    found = [each.get("name") for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return {name for name in found if isinstance(name, str)}


def _from_json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
