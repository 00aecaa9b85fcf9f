"""What the tap, the target and the orchestrator share at run time.

- :mod:`plugin_runtime.errors`: an error that is one clear line.
- :mod:`plugin_runtime.redaction`: keeps secrets out of every log record and message.
- :mod:`plugin_runtime.command`: runs a plugin and turns its end into a line and an exit code.
- :mod:`plugin_runtime.settings`: checks settings and says in one line each what is wrong. It loads the SDK, which takes
  a second, and so is not loaded with the package.
"""

from plugin_runtime.command import leave, run, run_command
from plugin_runtime.errors import PluginError
from plugin_runtime.redaction import redact, register_secrets

__all__ = ["PluginError", "leave", "redact", "register_secrets", "run", "run_command"]
