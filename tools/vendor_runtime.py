"""Copies the source of `plugin_runtime` into the packages that carry it.

Usage: tools/vendor_runtime.py            write the copies
       tools/vendor_runtime.py --check    say what differs, and end with 1 if anything does
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "plugin-runtime" / "src" / "plugin_runtime"
FOLDER = "plugin_runtime"

EVERYWHERE = (
    "__init__",
    "clock",
    "command",
    "compat",
    "credentials",
    "errors",
    "plurals",
    "printable",
    "redaction",
    "secret_forms",
)
BIGQUERY = ("datasets", "google_client")
DECODED_BY_THREADS = ("prepared_types",)
PLUGIN = ("addresses", "characters", "heap", "settings", "settings_schema")
MODULES = {
    "fleet/src/servicetitan_fleet": (*EVERYWHERE, *BIGQUERY, *DECODED_BY_THREADS),
    "tap-servicetitan/src/tap_servicetitan": (*EVERYWHERE, *DECODED_BY_THREADS, *PLUGIN),
    "target-bigquery-softdelete/src/target_bigquery_softdelete": (*EVERYWHERE, *BIGQUERY, *PLUGIN),
}
"""The packages, and the modules that each of them carries."""


def copies() -> dict[Path, bytes]:
    """Return the path and the content of every copy."""
    return {
        ROOT / package / FOLDER / f"{module}.py": (SOURCE / f"{module}.py").read_bytes()
        for package, modules in MODULES.items()
        for module in modules
    }


def find_unlisted_files(wanted: dict[Path, bytes]) -> list[Path]:
    """Return the Python files in the folders of the copies that are no copies."""
    present = {path for package in MODULES for path in (ROOT / package / FOLDER).glob("*.py")}
    return sorted(present - set(wanted))


def main() -> int:
    """Run the tool and return its exit code."""
    wanted = copies()
    stale = sorted(path for path, content in wanted.items() if not path.exists() or path.read_bytes() != content)
    unlisted = find_unlisted_files(wanted)
    if "--check" in sys.argv:
        for path in stale:
            print(f"{path.relative_to(ROOT)} differs from its source: edit that, then run tools/vendor_runtime.py")
        for path in unlisted:
            print(f"{path.relative_to(ROOT)} is not listed in tools/vendor_runtime.py")
        return 1 if stale or unlisted else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wanted[path])
    for path in unlisted:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
