"""A plugin's settings as Meltano resolves them, but each only once a run.

Meltano asks for all settings of a plugin a dozen times before the plugin starts, and each time resolves each of them
anew, which takes most of the time. Nothing that they depend on changes in this time.
"""

from __future__ import annotations

import os
import sys
from copy import deepcopy
from functools import cached_property
from typing import Any

from meltano.core.plugin.settings_service import PluginSettingsService

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

_MANAGERS = ("session", "source_manager")
"""Arguments that say how to look, not what for."""


class ResolvedSettings(PluginSettingsService):
    """The settings of one plugin, for one run."""

    @cached_property
    def _resolved(self) -> dict[str, dict[str, Any]]:
        return {}

    @cached_property
    @override
    def env(self) -> dict[str, str]:
        """The environment in which settings are looked up. It is complete when it is first asked for."""
        return {**os.environ, **self.env_override}

    @override
    def config_with_metadata(self, **question: Any) -> dict[str, Any]:
        """Return settings with what is known of them. See Meltano's own.

        Args:
            question: Which settings, and how to show them.
        """
        key = repr(sorted((name, value) for name, value in question.items() if name not in _MANAGERS))
        if key not in self._resolved:
            self._resolved[key] = super().config_with_metadata(**question)
        # Meltano makes the plugin's configuration of the values, and changes them.
        return {name: {**known, "value": deepcopy(known["value"])} for name, known in self._resolved[key].items()}
