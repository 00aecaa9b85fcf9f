"""What the tap and the target share at run time.

- :mod:`plugin_runtime.errors`: an error that is one clear line.
- :mod:`plugin_runtime.redaction`: keeps secrets out of every log record and message.
- :mod:`plugin_runtime.settings`: checks settings and says in one line each what is wrong.
- :mod:`plugin_runtime.command`: runs a plugin and turns its end into a line and an exit code.
"""

from plugin_runtime.command import run
from plugin_runtime.errors import PluginError
from plugin_runtime.redaction import redact, register_secrets
from plugin_runtime.settings import CheckedSettings

__all__ = ["CheckedSettings", "PluginError", "redact", "register_secrets", "run"]
