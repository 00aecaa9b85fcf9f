"""Stands in for `gcloud` and `bq`: notes each call, and remembers what was made. For `test_deploy.py` only.

`FAKE_CLOUD` in the environment names a folder: `calls.jsonl` gets the calls, `made.json` the things that exist,
`registry.csv` is what a query of the registry answers, and `refusals` is how many grants are refused first.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(os.environ["FAKE_CLOUD"])
MADE, REFUSALS = FOLDER / "made.json", FOLDER / "refusals"


class Call(NamedTuple):
    """A call of `gcloud`: its words, and its options by name."""

    words: list[str]
    options: dict[str, str]

    @property
    def thing(self) -> str:
        """What the call is about; the same whether it is made or looked for."""
        if "submit" in self.words:
            return self.options["substitutions"].split(",")[0].removeprefix("_IMAGE=")
        if "docker" in self.words:
            return self.words[-1]
        if "policy-from-file" in self.options:
            return str(json.loads(Path(self.options["policy-from-file"]).read_text(encoding="utf-8"))["displayName"])
        if "channels" in self.words:
            return self.options["channel-labels"].removeprefix("email_address=")
        # An account is made by its name and looked for by its address.
        return " ".join([*self.words[:2], self.words[-1].split("@")[0]])


def main() -> int:
    """Answer one call and return the exit code."""
    program, arguments = Path(sys.argv[0]).name, sys.argv[1:]
    # `gcloud` is never given anything on its standard input.
    script = [sys.stdin.read()] if program == "bq" and "--format=csv" not in arguments else []
    with (FOLDER / "calls.jsonl").open("a", encoding="utf-8") as calls:
        calls.write(json.dumps([program, *arguments, *script]) + "\n")
    return gcloud(arguments) if program == "gcloud" else bq(arguments)


def bq(arguments: list[str]) -> int:
    """Answer the query of the registry; all else succeeds."""
    if "--format=csv" in arguments:
        sys.stdout.write((FOLDER / "registry.csv").read_text(encoding="utf-8"))
    return 0


def gcloud(arguments: list[str]) -> int:
    """Make, look for or list things; all else succeeds."""
    options = dict(one[2:].split("=", 1) for one in arguments if one.startswith("--") and "=" in one)
    call = Call([one for one in arguments if not one.startswith("--")], options)
    verbs = {
        "create": make,
        "submit": make,
        "describe": look,
        "list": list_names,
        "add-iam-policy-binding": grant,
    }
    verb = next((verbs[word] for word in call.words if word in verbs), None)
    return verb(call) if verb else 0


def made() -> list[str]:
    """Return what exists."""
    things: list[str] = json.loads(MADE.read_text(encoding="utf-8")) if MADE.exists() else []
    return things


def make(call: Call) -> int:
    """Make a thing; refuse to make it twice, as Google does."""
    if call.thing in made():
        return 1
    MADE.write_text(json.dumps([*made(), call.thing]), encoding="utf-8")
    return 0


def look(call: Call) -> int:
    """Find a thing or not."""
    return int(call.thing not in made())


def list_names(call: Call) -> int:
    """Print a name for the thing that the filter asks for."""
    wanted = call.options["filter"].split("=", 1)[1].strip('"')
    if wanted in made():
        sys.stdout.write(f"projects/p/things/{made().index(wanted)}\n")
    return 0


def grant(_: Call) -> int:
    """Grant, or refuse as long as there are refusals left."""
    left = int(REFUSALS.read_text(encoding="utf-8")) if REFUSALS.exists() else 0
    REFUSALS.write_text(str(max(left - 1, 0)), encoding="utf-8")
    return int(left > 0)


if __name__ == "__main__":
    sys.exit(main())
